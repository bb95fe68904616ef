import { Connection } from "./connection.js";
import { ChatError } from "./errors.js";
import { Observable } from "./observable.js";
import { Outbox } from "./outbox.js";
export type UserId = import("./types.js").UserId;
/**
 * One conversation.
 * @extends {Observable<import("./types.js").RoomSnapshot, import("./types.js").RoomEvents>}
 */
export declare class Room extends Observable<import("./types.js").RoomSnapshot, import("./types.js").RoomEvents> {
    #private;
    chat: import("./chat.js").Chat;
    id: number | null;
    peer: {
        user: UserId;
        context: string;
        title?: string;
    } | undefined;
    key: string;
    connection: Connection;
    outbox: Outbox;
    /** @type {import("./types.js").RoomInfo | null} */
    info: import("./types.js").RoomInfo | null;
    /**
     * @param {import("./chat.js").Chat} chat
     * @param {number | null} id
     * @param {{ user: UserId, context: string, title?: string }} [peer] with whom the room is made
     */
    constructor(chat: import("./chat.js").Chat, id: number | null, peer?: {
        user: UserId;
        context: string;
        title?: string;
    });
    build(): {
        id: number | null;
        state: "closed" | "connecting" | "ended" | "open" | "waiting";
        error: ChatError | null;
        retryAt: number | null;
        loaded: boolean;
        messages: import("./types.js").Message[];
        outgoing: import("./outgoing.js").Outgoing[];
        typing: import("./types.js").UserId[];
        readBy: import("./types.js").Receipt[];
        mark: number | null;
        firstUnread: number | null;
        newest: number;
        missed: number;
        hasOlder: boolean;
        hasNewer: boolean;
        loading: "around" | "newer" | "older" | null;
        info: import("./types.js").RoomInfo | null;
        with: import("./types.js").Member | null;
        can: string[] | null;
        draft: {
            text: string;
            replyTo?: number;
        };
    };
    /** @param {import("./types.js").Draft | string} draft */
    send(draft: import("./types.js").Draft | string): import("./outgoing.js").Outgoing;
    /** @param {number} message_id @param {string} text */
    edit(message_id: number, text: string): Promise<void>;
    /** @param {number} message_id */
    delete(message_id: number): Promise<void>;
    /** @param {number} message_id @param {string} emoji @param {boolean} [on] the other way round where left out */
    react(message_id: number, emoji: string, on?: boolean): Promise<void>;
    /** A button of a message. @param {number} message_id @param {string} id @param {object} [params] */
    act(message_id: number, id: string, params?: object): Promise<void>;
    /** @param {number} message_id @param {"spam" | "abuse" | "fraud" | "other"} reason @param {string} [text] */
    report(message_id: number, reason: "spam" | "abuse" | "fraud" | "other", text?: string): Promise<any>;
    /** The user has seen this message and all before it. @param {number} message_id */
    read(message_id: number): void;
    /** The user is writing: sent now and then, not with every key. */
    typing(): void;
    /** @param {{ text: string, replyTo?: number }} draft */
    setDraft(draft: {
        text: string;
        replyTo?: number;
    }): void;
    /** Loads the page before the first message; whether there are more. */
    older(): Promise<boolean>;
    newer(): Promise<boolean>;
    /** Shows what surrounds a message; whether it is there. @param {number} id */
    around(id: number): Promise<boolean>;
    /** Shows what surrounds the first message at or after a time. @param {Date | string} time */
    at(time: Date | string): Promise<boolean>;
    latest(): Promise<boolean>;
    /** Links to files expire: fresh ones. @param {number} id */
    refresh(id: number): Promise<void>;
    reload(): Promise<void>;
    /** @param {{ title?: string, muted?: boolean, archived?: boolean, marked_unread?: boolean, data?: object }} wish */
    update(wish: {
        title?: string;
        muted?: boolean;
        archived?: boolean;
        marked_unread?: boolean;
        data?: object;
    }): Promise<void>;
    /** @param {UserId} user_id */
    addMember(user_id: UserId): Promise<void>;
    /** @param {UserId} user_id */
    removeMember(user_id: UserId): Promise<void>;
    leave(): Promise<void>;
    /** Deletes the room, for everybody. */
    remove(): Promise<void>;
}
/**
 * @param {import("./types.js").Member[]} members
 * @param {UserId} user
 * @param {Partial<import("./types.js").Member>} presence
 */
export declare const met: (members: import("./types.js").Member[], user: UserId, presence: Partial<import("./types.js").Member>) => import("./types.js").Member[];
