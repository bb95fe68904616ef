import { SignedOut } from "./errors.js";
/** Who the user is to the server: the token, the HTTP calls, and all connections made with them. */
export declare class Session {
    #private;
    server: URL;
    getToken: (() => string | Promise<string>) | undefined;
    fetch: typeof fetch;
    WebSocket: {
        new (url: string | URL, protocols?: string | string[]): WebSocket;
        prototype: WebSocket;
        readonly CONNECTING: 0;
        readonly OPEN: 1;
        readonly CLOSING: 2;
        readonly CLOSED: 3;
    };
    /** @type {Set<import("./connection.js").Connection>} */
    connections: Set<import("./connection.js").Connection>;
    /** @type {SignedOut | null} */
    signedOut: SignedOut | null;
    onChange: () => void;
    /** @param {import("./types.js").Options} options */
    constructor({ server, token, getToken, fetch, WebSocket }: import("./types.js").Options);
    /** @param {string} path */
    socketUrl(path: string): URL;
    /** @param {string | undefined} token */
    setToken(token: string | undefined): void;
    /**
     * The token to use now; undefined with cookies.
     * @returns {Promise<string | undefined>}
     */
    authorize(): Promise<string | undefined>;
    /** The server has accepted the token. */
    accept(): void;
    /**
     * The server refused this token: whether another can be tried. The user is signed out where not.
     * @param {string | undefined} token
     */
    refuse(token: string | undefined): boolean;
    /** @param {string} why */
    signOut(why: string): void;
    /** Tries again at once, also after the user was signed out. */
    resume(): void;
    /** @returns {Promise<import("./types.js").UserId | undefined>} */
    claimedUser(): Promise<import("./types.js").UserId | undefined>;
    close(): void;
    /**
     * @param {string} method
     * @param {string} path below the API's root
     * @param {import("./types.js").Call} [call]
     * @returns {Promise<any>}
     */
    request(method: string, path: string, call?: import("./types.js").Call): Promise<any>;
}
/** @param {number} tries */
export declare const backoff: (tries: number) => number;
