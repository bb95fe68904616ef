import { Inbox } from "./inbox.js";
import { Observable } from "./observable.js";
import { Room } from "./room.js";
import { Session } from "./session.js";
import { Vault } from "./storage.js";
export type UserId = import("./types.js").UserId;
/**
 * A user's chat: what `connect` returns.
 * @extends {Observable<import("./types.js").ChatSnapshot, import("./types.js").ChatEvents>}
 */
export declare class Chat extends Observable<import("./types.js").ChatSnapshot, import("./types.js").ChatEvents> {
    #private;
    session: Session;
    vault: Vault;
    inbox: Inbox;
    /** @type {import("./types.js").Me | null} */
    me: import("./types.js").Me | null;
    leads: boolean;
    /** @type {Promise<import("./types.js").Me>} */
    ready: Promise<import("./types.js").Me>;
    /** @param {import("./types.js").Options} options */
    constructor(options: import("./types.js").Options);
    build(): {
        state: import("./types.js").ChatState;
        me: import("./types.js").Me | null;
        unread: number | null;
        retryAt: number | null;
        leads: boolean;
    };
    /** @returns {import("./types.js").ChatState} */
    get state(): import("./types.js").ChatState;
    get unread(): number | null;
    get retryAt(): number | null;
    /** @param {number} id */
    room(id: number): Room;
    /**
     * The room with another user, about something; made with the first message.
     * @param {UserId} user
     * @param {{ context?: string, title?: string }} [about]
     */
    with(user: UserId, { context, title }?: {
        context?: string;
        title?: string;
    }): Room;
    /** @param {{ members: UserId[], title?: string, context?: string, data?: object }} wish */
    open(wish: {
        members: UserId[];
        title?: string;
        context?: string;
        data?: object;
    }): Promise<Room>;
    /**
     * @param {string} words
     * @param {{ room?: number, signal?: AbortSignal }} [where]
     */
    search(words: string, { room, signal }?: {
        room?: number;
        signal?: AbortSignal;
    }): Promise<import("./types.js").Results>;
    /** Limits and features of the server. @returns {Promise<any>} */
    config(): Promise<any>;
    /** @returns {Promise<{ user_id: UserId, at: string }[]>} */
    blocks(): Promise<{
        user_id: UserId;
        at: string;
    }[]>;
    /** @param {UserId} user */
    block(user: UserId): Promise<any>;
    /** @param {UserId} user */
    unblock(user: UserId): Promise<any>;
    /**
     * Any call of the API.
     * @param {string} method
     * @param {string} path
     * @param {import("./types.js").Call} [call]
     */
    request(method: string, path: string, call?: import("./types.js").Call): Promise<any>;
    /** Tries everything again at once; also the way back after `signedout`. */
    retry(): void;
    /** @param {string} token */
    setToken(token: string): void;
    /** Closes all; nothing is erased. */
    end(): void;
    /** Ends, and erases what this user has stored in the browser. */
    signOut(): Promise<void>;
    /**
     * @template {keyof import("./types.js").ChatEvents} Name
     * @param {Name} name
     * @param {(detail: import("./types.js").ChatEvents[Name]) => void} run
     */
    on<Name extends keyof import("./types.js").ChatEvents>(name: Name, run: (detail: import("./types.js").ChatEvents[Name]) => void): () => void;
}
