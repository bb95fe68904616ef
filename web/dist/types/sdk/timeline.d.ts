/** @typedef {import("./types.js").WireMessage} WireMessage */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").UserId} UserId */
export type WireMessage = import("./types.js").WireMessage;
export type Message = import("./types.js").Message;
export type UserId = import("./types.js").UserId;
/** A window over the messages of a room: what the server sent, in its present state. */
export declare class Timeline {
    #private;
    /** @type {Map<number, WireMessage>} */
    messages: Map<number, WireMessage>;
    /** @type {Map<string, import("./types.js").Receipt>} */
    receipts: Map<string, import("./types.js").Receipt>;
    cursor: number;
    epoch: string;
    hasOlder: boolean;
    hasNewer: boolean;
    newest: number;
    missed: number;
    get oldest(): number;
    get last(): number;
    /** @param {any} frame */
    apply(frame: any): void;
    /**
     * Loads a page; changes that arrive meanwhile hold whichever comes first.
     * @param {"older" | "newer" | "around"} kind around replaces the window
     * @param {() => Promise<{ messages: WireMessage[], has_more: boolean, has_newer?: boolean }>} load
     */
    load(kind: "older" | "newer" | "around", load: () => Promise<{
        messages: WireMessage[];
        has_more: boolean;
        has_newer?: boolean;
    }>): Promise<void>;
    /** @param {WireMessage} fresh one message as the server has it now */
    refresh(fresh: WireMessage): void;
    /** @returns {WireMessage[]} ids ascending */
    sorted(): WireMessage[];
    /**
     * The messages as one user sees them now; those that did not change are the same objects.
     * @param {UserId | undefined} me
     * @param {import("./changes.js").Changes} changes what is not confirmed yet
     */
    view(me: UserId | undefined, changes: import("./changes.js").Changes): import("./types.js").Message[];
    /** What the next page starts with. */
    toStorage(): {
        cursor: number;
        epoch: string;
        messages: import("./types.js").WireMessage[];
        hasOlder: boolean;
        receipts: import("./types.js").Receipt[];
        at: number;
    };
    /** @param {ReturnType<Timeline["toStorage"]>} kept */
    restore({ cursor, epoch, messages, hasOlder, receipts }: ReturnType<Timeline["toStorage"]>): void;
}
