export type Change = {
    action: "edit" | "delete" | "react";
    message_id: number;
    text?: string;
    emoji?: string;
    on?: boolean;
};
export type Entry = {
    frame: Change;
    turn: number;
    resolve: () => void;
    reject: (error: Error) => void;
};
/**
 * @typedef {object} Change of a message that is there
 * @property {"edit" | "delete" | "react"} action
 * @property {number} message_id
 * @property {string} [text]
 * @property {string} [emoji]
 * @property {boolean} [on]
 */
/** @typedef {{ frame: Change, turn: number, resolve: () => void, reject: (error: Error) => void }} Entry */
/** Edits, deletions and reactions that the server has not confirmed: each may be sent again. */
export declare class Changes {
    #private;
    get size(): number;
    /**
     * @param {Change} frame
     * @returns {Promise<void>}
     */
    add(frame: Change): Promise<void>;
    /** @param {import("./connection.js").Connection} connection */
    pump(connection: import("./connection.js").Connection): void;
    /** @param {number} id @returns {"edit" | "delete" | null} */
    pending(id: number): "edit" | "delete" | null;
    /** @param {number} id */
    reactions(id: number): {
        emoji: string;
        on: boolean;
    }[];
    /** @param {(frame: Change, turn: number) => unknown} isDone */
    confirm(isDone: (frame: Change, turn: number) => unknown): void;
    /**
     * @param {{ action?: string, message_id?: number }} frame
     * @param {Error} error
     * @returns {boolean} whether it was one of these, and will not be sent again
     */
    refuse({ action, message_id }: {
        action?: string;
        message_id?: number;
    }, error: Error): boolean;
    /** @param {Error} error */
    end(error: Error): void;
}
