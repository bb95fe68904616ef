/** A WebSocket that comes back after a random, growing delay, and when the server is silent. */
export declare class Connection {
    #private;
    session: import("./session.js").Session;
    owner: {
        address: () => URL;
        receive: (frame: any) => void;
        changed: () => void;
    };
    /** @type {"closed" | "connecting" | "open" | "waiting" | "ended"} */
    state: "closed" | "connecting" | "open" | "waiting" | "ended";
    /** @type {import("./errors.js").ChatError | null} */
    error: import("./errors.js").ChatError | null;
    /** @type {number | null} */
    retryAt: number | null;
    turn: number;
    /** @type {number | undefined} */
    lastCode: number | undefined;
    /**
     * @param {import("./session.js").Session} session
     * @param {{ address: () => URL, receive: (frame: any) => void, changed: () => void }} owner
     */
    constructor(session: import("./session.js").Session, owner: {
        address: () => URL;
        receive: (frame: any) => void;
        changed: () => void;
    });
    open(): void;
    close(): void;
    /** @param {import("./errors.js").ChatError} error */
    end(error: import("./errors.js").ChatError): void;
    /** Does not wait for the next try. */
    retry(): void;
    /** The network is gone: known before the socket shows it. */
    lose(): void;
    /**
     * @param {object} frame
     * @returns {boolean} whether it was handed to the network
     */
    send(frame: object): boolean;
}
