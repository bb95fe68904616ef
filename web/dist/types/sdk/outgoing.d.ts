/** A message that the server has not confirmed yet. */
export declare class Outgoing {
    #private;
    text: string;
    files: File[];
    replyTo: number | undefined;
    data: Record<string, any> | undefined;
    client_id: string;
    at: Date;
    owner: {
        changed: () => void;
        retry: (one: Outgoing) => void;
        drop: (one: Outgoing) => void;
    };
    /** @type {"waiting" | "uploading" | "sending" | "retrying" | "refused" | "stored" | "cancelled"} */
    state: "waiting" | "uploading" | "sending" | "retrying" | "refused" | "stored" | "cancelled";
    /** @type {number | null} */
    progress: number | null;
    /** @type {import("./errors.js").ChatError | null} */
    error: import("./errors.js").ChatError | null;
    /** @type {Promise<import("./types.js").WireMessage>} */
    stored: Promise<import("./types.js").WireMessage>;
    version: number;
    turn: number;
    /**
     * @param {import("./types.js").Draft & { client_id?: string, at?: Date }} draft
     * @param {{ changed: () => void, retry: (one: Outgoing) => void, drop: (one: Outgoing) => void }} owner
     */
    constructor({ text, files, replyTo, data, client_id, at }: import("./types.js").Draft & {
        client_id?: string;
        at?: Date;
    }, owner: {
        changed: () => void;
        retry: (one: Outgoing) => void;
        drop: (one: Outgoing) => void;
    });
    /** What is kept until the message is stored. */
    toStorage(): {
        text: string;
        files: File[];
        replyTo: number | undefined;
        data: Record<string, any> | undefined;
        client_id: string;
        at: Date;
    };
    /** Sends it now, under the same client_id. */
    retry(): void;
    /** Takes it back. It may be stored already where it was on its way. */
    cancel(): void;
}
