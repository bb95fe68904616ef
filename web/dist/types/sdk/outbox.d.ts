import { ChatError } from "./errors.js";
import { Outgoing } from "./outgoing.js";
/** The messages of one room that are not confirmed, in the order of the writer. They survive the page. */
export declare class Outbox {
    #private;
    vault: import("./storage.js").Vault;
    connection: import("./connection.js").Connection;
    key: string;
    room: {
        id: number | null;
        changed: () => void;
        refused: (one: Outgoing, error: ChatError) => void;
        dropped: (one: Outgoing) => void;
    };
    /** @type {Outgoing[]} */
    items: Outgoing[];
    /**
     * @param {import("./storage.js").Vault} vault
     * @param {import("./connection.js").Connection} connection
     * @param {string} key
     * @param {{ id: number | null, changed: () => void, refused: (one: Outgoing, error: ChatError) => void, dropped: (one: Outgoing) => void }} room
     */
    constructor(vault: import("./storage.js").Vault, connection: import("./connection.js").Connection, key: string, room: {
        id: number | null;
        changed: () => void;
        refused: (one: Outgoing, error: ChatError) => void;
        dropped: (one: Outgoing) => void;
    });
    restore(): Promise<void>;
    /** @param {import("./types.js").Draft} draft */
    add(draft: import("./types.js").Draft): Outgoing;
    /** @param {Outgoing} one */
    retry(one: Outgoing): void;
    /** @param {Outgoing} one */
    drop(one: Outgoing): void;
    /** @param {string | undefined} client_id */
    find(client_id: string | undefined): Outgoing | undefined;
    /**
     * @param {import("./types.js").WireMessage} message
     * @returns {Outgoing | undefined} what was waiting for it
     */
    confirm(message: import("./types.js").WireMessage): Outgoing | undefined;
    /**
     * @param {Outgoing} one
     * @param {ChatError} error
     * @param {number} [message_id] that the server named
     */
    refuse(one: Outgoing, error: ChatError, message_id?: number): void;
    /** Nothing is sent for a while. @param {ChatError} [error] */
    hold(error?: ChatError): void;
    resume(): void;
    /** @param {ChatError} error */
    end(error: ChatError): void;
    /** Sends what was not sent on this connection, in order. */
    pump(): Promise<void>;
    changed(): void;
}
