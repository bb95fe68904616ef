export type UserId = number | string;
export type Me = {
    user_id: UserId;
    name: string | null;
    picture: string | null;
    expires_at: string | null;
};
export type Member = {
    user_id: UserId;
    name: string | null;
    picture: string | null;
    online: boolean;
    last_seen: string | null;
};
export type Receipt = {
    user_id: UserId;
    delivered: number;
    read: number;
};
export type Attachment = {
    file_url: string;
    file_name: string;
    content_type: string;
    size: number;
    width?: number;
    height?: number;
};
export type Reaction = {
    emoji: string;
    count: number;
    user_ids: UserId[];
    mine?: boolean;
};
export type Action = {
    id?: string;
    label: string;
    style?: string;
    once?: boolean;
    url?: string;
};
export type About = {
    title: string;
    url?: string | null;
    picture?: string | null;
    price?: string | null;
    status?: string | null;
};
export type Status = "send" | "delivered" | "read";
export type WireMessage = {
    message_id: number;
    room_id: number;
    /**
     * null: the site
     */
    sender_id: UserId | null;
    text: string;
    status: Status;
    created_at: string;
    updated_at: string;
    version: number;
    attachments: Attachment[];
    client_id?: string;
    reply_to?: {
        message_id: number;
        sender_id: UserId | null;
        text: string | null;
    };
    reactions?: Reaction[];
    data?: Record<string, any>;
    kind?: "system";
    actions?: Action[];
    chosen?: {
        id: string;
        user_id: UserId;
        at: string;
    };
};
export type Message = WireMessage & {
    mine: boolean;
    pending: "edit" | "delete" | null;
    reactions: Reaction[];
};
export type LastMessage = {
    content: string;
    created_at: string;
    from_this_user: boolean;
    message_id?: number;
    sender_id: UserId | null;
    status: Status;
    kind?: string;
};
export type RoomInfo = {
    room_id: number;
    title: string;
    context: string;
    created_at: string;
    members: Member[];
    unread: number;
    last_message: LastMessage | null;
    about?: About;
    data?: Record<string, any>;
    frozen?: boolean;
    marked_unread?: boolean;
    muted?: boolean;
    archived?: boolean;
    can?: string[];
    version?: number;
};
export type Item = RoomInfo & {
    draft: string;
    with: Member | null;
};
export type Filter = {
    q?: string;
    unread?: boolean;
    archived?: boolean;
    context?: string;
    context_prefix?: string;
};
export type InboxSnapshot = {
    rooms: Item[];
    unread: number | null;
    hasMore: boolean;
    loading: boolean;
    state: State;
    filter: Filter;
    error: Error | null;
};
export type State = "closed" | "connecting" | "open" | "waiting" | "ended";
export type Draft = {
    text?: string;
    files?: File[];
    replyTo?: number;
    data?: Record<string, any>;
};
export type RoomSnapshot = {
    id: number | null;
    state: State;
    error: import("./errors.js").ChatError | null;
    retryAt: number | null;
    loaded: boolean;
    messages: Message[];
    outgoing: import("./outgoing.js").Outgoing[];
    typing: UserId[];
    readBy: Receipt[];
    mark: number | null;
    firstUnread: number | null;
    newest: number;
    missed: number;
    hasOlder: boolean;
    hasNewer: boolean;
    loading: "older" | "newer" | "around" | null;
    info: RoomInfo | null;
    with: Member | null;
    can: string[] | null;
    draft: {
        text: string;
        replyTo?: number;
    };
};
export type RoomEvents = {
    messages: {
        added: Message[];
        changed: Message[];
        removed: number[];
    };
    typing: {
        users: UserId[];
    };
    receipts: {
        receipts: Receipt[];
    };
    presence: {
        user_id: UserId;
        online: boolean;
        last_seen: string | null;
    };
    members: {
        members: Member[];
    };
    state: {
        state: State;
    };
    sent: {
        message: WireMessage;
        outgoing: import("./outgoing.js").Outgoing;
    };
    refused: {
        outgoing: import("./outgoing.js").Outgoing | null;
        error: Error;
        action: string;
    };
    deleted: {};
};
export type ChatState = "connecting" | "open" | "waiting" | "signedout" | "ended";
export type ChatSnapshot = {
    state: ChatState;
    me: Me | null;
    unread: number | null;
    retryAt: number | null;
    leads: boolean;
};
export type ChatEvents = {
    message: {
        room_id: number;
        message: Partial<WireMessage>;
        live: boolean;
    };
    unread: {
        total: number;
        rooms: {
            room_id: number;
            unread: number;
        }[];
    };
    state: {
        state: ChatState;
    };
    signedout: {
        error: import("./errors.js").SignedOut;
    };
    sent: {
        room_id: number;
        message: WireMessage;
        outgoing: import("./outgoing.js").Outgoing;
    };
    refused: {
        room_id: number | null;
        outgoing: import("./outgoing.js").Outgoing | null;
        error: Error;
        action: string;
    };
};
export type Storage = {
    get: (key: string) => any;
    set: (key: string, value: any) => any;
    delete: (key: string) => any;
    keys: (prefix: string) => any;
};
export type Options = {
    /**
     * where the chat is mounted; ends in a slash
     */
    server?: string | URL;
    token?: string;
    getToken?: () => string | Promise<string>;
    storage?: Storage | null;
    fetch?: typeof globalThis.fetch;
    WebSocket?: typeof globalThis.WebSocket;
};
export type Call = {
    body?: object;
    query?: Record<string, string>;
    signal?: AbortSignal;
};
export type Results = {
    results: WireMessage[];
    next: (() => Promise<Results>) | null;
};
/**
 * The types of the SDK: no code.
 *
 * @typedef {number | string} UserId
 * @typedef {{ user_id: UserId, name: string | null, picture: string | null, expires_at: string | null }} Me
 * @typedef {{ user_id: UserId, name: string | null, picture: string | null, online: boolean, last_seen: string | null }} Member
 * @typedef {{ user_id: UserId, delivered: number, read: number }} Receipt
 * @typedef {{ file_url: string, file_name: string, content_type: string, size: number, width?: number, height?: number }} Attachment
 * @typedef {{ emoji: string, count: number, user_ids: UserId[], mine?: boolean }} Reaction
 * @typedef {{ id?: string, label: string, style?: string, once?: boolean, url?: string }} Action
 * @typedef {{ title: string, url?: string | null, picture?: string | null, price?: string | null, status?: string | null }} About
 * @typedef {"send" | "delivered" | "read"} Status
 *
 * @typedef {object} WireMessage a message as the server sends it
 * @property {number} message_id
 * @property {number} room_id
 * @property {UserId | null} sender_id null: the site
 * @property {string} text
 * @property {Status} status
 * @property {string} created_at
 * @property {string} updated_at
 * @property {number} version
 * @property {Attachment[]} attachments
 * @property {string} [client_id]
 * @property {{ message_id: number, sender_id: UserId | null, text: string | null }} [reply_to]
 * @property {Reaction[]} [reactions]
 * @property {Record<string, any>} [data]
 * @property {"system"} [kind]
 * @property {Action[]} [actions]
 * @property {{ id: string, user_id: UserId, at: string }} [chosen]
 *
 * @typedef {WireMessage & { mine: boolean, pending: "edit" | "delete" | null, reactions: Reaction[] }} Message
 *
 * @typedef {object} LastMessage
 * @property {string} content
 * @property {string} created_at
 * @property {boolean} from_this_user
 * @property {number} [message_id]
 * @property {UserId | null} sender_id
 * @property {Status} status
 * @property {string} [kind]
 *
 * @typedef {object} RoomInfo a room as the server sends it
 * @property {number} room_id
 * @property {string} title
 * @property {string} context
 * @property {string} created_at
 * @property {Member[]} members
 * @property {number} unread
 * @property {LastMessage | null} last_message
 * @property {About} [about]
 * @property {Record<string, any>} [data]
 * @property {boolean} [frozen]
 * @property {boolean} [marked_unread]
 * @property {boolean} [muted]
 * @property {boolean} [archived]
 * @property {string[]} [can]
 * @property {number} [version]
 *
 * @typedef {RoomInfo & { draft: string, with: Member | null }} Item
 * @typedef {{ q?: string, unread?: boolean, archived?: boolean, context?: string, context_prefix?: string }} Filter
 * @typedef {{ rooms: Item[], unread: number | null, hasMore: boolean, loading: boolean, state: State, filter: Filter, error: Error | null }} InboxSnapshot
 *
 * @typedef {"closed" | "connecting" | "open" | "waiting" | "ended"} State
 * @typedef {{ text?: string, files?: File[], replyTo?: number, data?: Record<string, any> }} Draft
 *
 * @typedef {object} RoomSnapshot
 * @property {number | null} id
 * @property {State} state
 * @property {import("./errors.js").ChatError | null} error
 * @property {number | null} retryAt
 * @property {boolean} loaded
 * @property {Message[]} messages
 * @property {import("./outgoing.js").Outgoing[]} outgoing
 * @property {UserId[]} typing
 * @property {Receipt[]} readBy
 * @property {number | null} mark
 * @property {number | null} firstUnread
 * @property {number} newest
 * @property {number} missed
 * @property {boolean} hasOlder
 * @property {boolean} hasNewer
 * @property {"older" | "newer" | "around" | null} loading
 * @property {RoomInfo | null} info
 * @property {Member | null} with
 * @property {string[] | null} can
 * @property {{ text: string, replyTo?: number }} draft
 *
 * @typedef {object} RoomEvents
 * @property {{ added: Message[], changed: Message[], removed: number[] }} messages
 * @property {{ users: UserId[] }} typing
 * @property {{ receipts: Receipt[] }} receipts
 * @property {{ user_id: UserId, online: boolean, last_seen: string | null }} presence
 * @property {{ members: Member[] }} members
 * @property {{ state: State }} state
 * @property {{ message: WireMessage, outgoing: import("./outgoing.js").Outgoing }} sent
 * @property {{ outgoing: import("./outgoing.js").Outgoing | null, error: Error, action: string }} refused
 * @property {{}} deleted
 *
 * @typedef {"connecting" | "open" | "waiting" | "signedout" | "ended"} ChatState
 * @typedef {{ state: ChatState, me: Me | null, unread: number | null, retryAt: number | null, leads: boolean }} ChatSnapshot
 *
 * @typedef {object} ChatEvents
 * @property {{ room_id: number, message: Partial<WireMessage>, live: boolean }} message
 * @property {{ total: number, rooms: { room_id: number, unread: number }[] }} unread
 * @property {{ state: ChatState }} state
 * @property {{ error: import("./errors.js").SignedOut }} signedout
 * @property {{ room_id: number, message: WireMessage, outgoing: import("./outgoing.js").Outgoing }} sent
 * @property {{ room_id: number | null, outgoing: import("./outgoing.js").Outgoing | null, error: Error, action: string }} refused
 *
 * @typedef {object} Storage each call may answer with a promise
 * @property {(key: string) => any} get
 * @property {(key: string, value: any) => any} set
 * @property {(key: string) => any} delete
 * @property {(prefix: string) => any} keys
 *
 * @typedef {object} Options
 * @property {string | URL} [server] where the chat is mounted; ends in a slash
 * @property {string} [token]
 * @property {() => string | Promise<string>} [getToken]
 * @property {Storage | null} [storage]
 * @property {typeof globalThis.fetch} [fetch]
 * @property {typeof globalThis.WebSocket} [WebSocket]
 *
 * @typedef {{ body?: object, query?: Record<string, string>, signal?: AbortSignal }} Call
 * @typedef {{ results: WireMessage[], next: (() => Promise<Results>) | null }} Results
 */
export {};
