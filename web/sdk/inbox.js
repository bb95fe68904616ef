import { Connection } from "./connection.js";
import { ChatError } from "./errors.js";
import { Observable } from "./observable.js";
import { met } from "./room.js";

/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").RoomInfo} RoomInfo */

const NOTICES = 100; // rooms in a frame of notifications
const SINGLE = 5; // unknown rooms that are asked for one by one; more: the list is loaded again

/**
 * The user's rooms, newest activity first, kept up to date by the notifications socket.
 * @extends {Observable<import("./types.js").InboxSnapshot, {}>}
 */
export class Inbox extends Observable {
  /** @type {number | null} */
  unread = null; // messages in all rooms but the muted
  /** @type {import("./types.js").Filter} */
  #filter = {};
  /** @type {Map<number, Item>} */
  #items = new Map();
  /** @type {Map<number, { created_at: string, counter_by_room: number }>} */
  #notices = new Map();
  /** @type {Map<number, string>} */
  #drafts = new Map();
  /** @type {URLSearchParams | null | undefined} */
  #next; // undefined: nothing is loaded
  /** @type {AbortController | null} */
  #loading = null;
  /** @type {ChatError | null} */
  #error = null;
  #isMissing = false; // notices may have been missed

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    super();
    this.chat = chat;
    this.connection = new Connection(chat.session, {
      address: () => {
        const url = chat.session.socketUrl("ws/chat/notifications/");
        url.search = "?format=flat";
        return url;
      },
      receive: (frame) => this.#receive(frame),
      changed: () => this.#connectionChanged(),
    });
  }

  build() {
    const { state } = this.connection;
    const rooms = [...this.#items.values()].sort((a, b) => (activeAt(a) < activeAt(b) ? 1 : -1));
    const loading = Boolean(this.#loading);
    return { rooms, unread: this.unread, hasMore: Boolean(this.#next), loading, state, filter: this.#filter, error: this.#error };
  }

  /** Loads the next page. */
  async more() {
    if (this.#next && !this.#loading) await this.#load(this.#next);
  }

  /** Shows other rooms; `{}` is all. @param {import("./types.js").Filter} filter */
  async filter(filter) {
    this.#filter = filter;
    await this.reload();
  }

  /** Loads the first page again. */
  async reload() {
    const { q, unread, archived, context, context_prefix } = this.#filter;
    const wish = { q, unread: unread && "1", archived: archived && "1", context, context_prefix };
    const given = Object.entries(wish).filter(([, value]) => value);
    await this.#load(new URLSearchParams(/** @type {[string, string][]} */ (given)), true);
  }

  /** The notifications socket, without the list. @internal */
  listen() {
    this.connection.open();
  }

  /** @internal */
  start() {
    this.listen();
    if (this.#next === undefined) this.reload().catch(() => {}); // the snapshot has the error
  }

  /** @internal @param {number | null} id @param {Partial<Item>} change */
  patch(id, change) {
    if (id === null) return;
    if (change.draft !== undefined) this.#drafts.set(id, change.draft);
    const item = this.#items.get(id);
    if (!item && !(change.members && !change.archived && this.#isWhole && (change.unread || !this.#filter.unread))) return;
    this.#keep(/** @type {Item} */ ({ ...item, ...change }));
    this.changed();
  }

  /** Whether every room that is active belongs into what is loaded. */
  get #isWhole() {
    const { q, archived, context, context_prefix } = this.#filter;
    return this.#next !== undefined && !(q || archived || context || context_prefix);
  }

  /** The last message of a room, as an open room or another tab has it. @internal @param {number | null} id @param {import("./types.js").WireMessage} [message] */
  touch(id, message) {
    const last = this.#items.get(id ?? 0)?.last_message;
    if (last === undefined || !message) return;
    const { message_id, text: content, created_at, sender_id, status, kind } = message;
    if (last?.message_id === message_id && last.content === content && last.status === status) return;
    const from_this_user = String(sender_id) === String(this.chat.me?.user_id);
    this.patch(id, { last_message: { content, created_at, from_this_user, message_id, sender_id, status, kind } });
  }

  /** @internal @param {number | null} id */
  forget(id) {
    if (id !== null && this.#items.delete(id)) this.changed();
  }

  /** @internal @param {import("./types.js").UserId} user @param {Partial<import("./types.js").Member>} presence */
  meet(user, presence) {
    for (const item of this.#items.values()) {
      const isIn = item.members.some((one) => String(one.user_id) === String(user));
      if (isIn) this.patch(item.room_id, { members: met(item.members, user, presence) });
    }
  }

  /** A room was read, here or in another tab: known before the server tells. @internal @param {number} id */
  read(id) {
    const item = this.#items.get(id);
    if (item?.unread || item?.marked_unread) this.patch(id, { unread: 0, marked_unread: false });
  }

  /** @param {URLSearchParams} query @param {boolean} [isFirst] */
  async #load(query, isFirst = false) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.#error = null;
    this.changed();
    try {
      const page = await this.chat.request("GET", "chat/receive/", { query: Object.fromEntries(query), signal: loading.signal });
      await this.#restoreDrafts();
      if (loading !== this.#loading) return;
      if (isFirst) this.#items.clear();
      for (const room of page.results) this.#keep(room);
      this.#next = page.next && new URL(page.next).searchParams;
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#error = error instanceof ChatError ? error : null;
      throw error;
    } finally {
      if (loading === this.#loading) this.#loading = null;
      this.changed();
    }
  }

  async #restoreDrafts() {
    if (this.#next !== undefined || !(await this.chat.identified())) return;
    for (const key of await this.chat.vault.keys("draft ")) {
      const draft = await this.chat.vault.run("get", key);
      this.#drafts.set(Number(key.slice(6)), draft?.text ?? "");
    }
  }

  /** @param {RoomInfo} room */
  #keep(room) {
    const draft = this.#drafts.get(room.room_id) ?? "";
    this.#items.set(room.room_id, Object.freeze({ ...room, draft, with: this.chat.other(room) }));
  }

  #connectionChanged() {
    const { state } = this.connection;
    if (state === "waiting") this.#isMissing = true;
    if (state === "open" && this.#isMissing) {
      this.#isMissing = false;
      if (this.#next !== undefined) this.reload().catch(() => {}); // the snapshot has the error
    }
    this.chat.changed();
    this.changed();
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.type !== "notify") return;
    const isFirst = this.unread === null;
    const known = this.#notices;
    this.unread = frame.counter;
    this.#notices = new Map();
    const unknown = [];
    for (const notice of frame.messages) {
      const { room_id, created_at } = notice;
      this.#notices.set(room_id, notice);
      if (this.#items.has(room_id)) this.#update(notice);
      else unknown.push(room_id);
      const before = known.get(room_id);
      if (isFirst || (before && before.created_at >= created_at)) continue;
      this.chat.arrived(notice);
    }
    if (frame.messages.length < NOTICES) {
      for (const { room_id, unread } of this.#items.values()) if (unread && !this.#notices.has(room_id)) this.patch(room_id, { unread: 0 });
    }
    if (!isFirst) void this.#meetRooms(unknown.filter((id) => !known.has(id)));
    const rooms = frame.messages.map((/** @type {any} */ one) => ({ room_id: one.room_id, unread: one.counter_by_room }));
    this.chat.emit("unread", { total: frame.counter, rooms });
    this.chat.changed();
    this.changed();
  }

  /** @param {any} notice */
  #update({ room_id, counter_by_room: unread, last_message: content, status, sender_id, created_at, about }) {
    const last = /** @type {Item} */ (this.#items.get(room_id)).last_message;
    const isSame = last?.created_at === created_at && last?.content === content;
    const isOlder = last && (last.from_this_user || isSame) && last.created_at >= created_at;
    const fresh = isOlder ? last : { content, created_at, sender_id, status, from_this_user: false };
    this.patch(room_id, { unread, last_message: fresh, ...(about && { about }) });
  }

  /** Rooms that are new in the list. @param {number[]} ids */
  async #meetRooms(ids) {
    if (!this.#isWhole) return;
    try {
      if (ids.length > SINGLE) return await this.reload();
      for (const id of ids) this.#keep(await this.chat.request("GET", `chat/rooms/${id}/`));
      this.changed();
    } catch {
      this.#isMissing = true; // the list is loaded with the next connection
    }
  }
}

/** @param {Item} item */
const activeAt = ({ last_message, created_at }) => last_message?.created_at ?? created_at;
