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
 * @property {Attachment[]} [attachments] of a message that this client has seen
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
 * @typedef {{ room_id: number, counter_by_room: number, last_message: string, status: Status, sender_id: UserId, created_at: string, about?: About }} Notice
 * @typedef {{ body?: object, query?: Record<string, string>, signal?: AbortSignal, raw?: boolean }} Call
 * @typedef {{ results: WireMessage[], next: (() => Promise<Results>) | null }} Results
 */
export {};
