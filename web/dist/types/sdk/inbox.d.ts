import { Connection } from "./connection.js";
import { ChatError } from "./errors.js";
import { Observable } from "./observable.js";
export type Item = import("./types.js").Item;
export type RoomInfo = import("./types.js").RoomInfo;
/**
 * The user's rooms, newest activity first, kept up to date by the notifications socket.
 * @extends {Observable<import("./types.js").InboxSnapshot, {}>}
 */
export declare class Inbox extends Observable<import("./types.js").InboxSnapshot, {}> {
    #private;
    chat: import("./chat.js").Chat;
    connection: Connection;
    /** @type {number | null} */
    unread: number | null;
    /** @param {import("./chat.js").Chat} chat */
    constructor(chat: import("./chat.js").Chat);
    build(): {
        rooms: import("./types.js").Item[];
        unread: number | null;
        hasMore: boolean;
        loading: boolean;
        state: "closed" | "connecting" | "ended" | "open" | "waiting";
        filter: import("./types.js").Filter;
        error: ChatError | null;
    };
    /** Loads the next page. */
    more(): Promise<void>;
    /** Shows other rooms; `{}` is all. @param {import("./types.js").Filter} filter */
    filter(filter: import("./types.js").Filter): Promise<void>;
    /** Loads the first page again. */
    reload(): Promise<void>;
}
