import { backoff } from "./backoff.js";
import { met } from "./members.js";

/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").Notice} Notice */

const NOTICES = 100; // rooms in a frame of notifications
const RECENT = 10_000; // ms in which the list is not asked for again when the window is looked at
const SINGLE = 5; // unknown rooms that are asked for one by one; more: the list is loaded again

/** The rooms of the inbox: loaded with the first use of the list. */
export class List {
  /** @type {import("./types.js").Filter} */
  #filter = {};
  /** @type {Map<number, Item>} */
  #items = new Map();
  /** @type {URLSearchParams | null | undefined} */
  #next; // undefined: nothing is loaded
  /** @type {AbortController | null} */
  #loading = null;
  /** @type {Error | null} */
  #error = null;
  #loadedAt = 0;
  #tries = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("./inbox.js").Inbox} inbox */
  constructor(inbox) {
    this.inbox = inbox;
    this.chat = inbox.chat;
    const { signal } = this.chat._listeners;
    for (const name of ["focus", "visibilitychange"]) {
      /** @type {Partial<EventTarget>} */ (globalThis).addEventListener?.(name, () => void this.#refresh(), { signal });
    }
  }

  _build() {
    const rooms = [...this.#items.values()].sort((a, b) => (activeAt(a) < activeAt(b) ? 1 : -1));
    return { rooms, hasMore: Boolean(this.#next), loading: Boolean(this.#loading) || !(this._isLoaded || this.#error), filter: this.#filter, error: this.#error };
  }

  get _isLoaded() {
    return this.#next !== undefined;
  }

  async more() {
    if (this.#next && !this.#loading) await this.#load(this.#next);
  }

  async reload(filter = this.#filter) {
    this.#filter = filter;
    await this.#load(this.#query, true);
  }

  get #query() {
    const { q, unread, archived, context, context_prefix } = this.#filter;
    const wish = { q, unread: unread && "1", archived: archived && "1", context, context_prefix };
    const given = Object.entries(wish).filter(([, value]) => value);
    return new URLSearchParams(/** @type {[string, string][]} */ (given));
  }

  /**
   * What the user has done on another device is told by no notice: the newest rooms are asked for when
   * the window is looked at again. What changes meanwhile holds.
   */
  async #refresh() {
    const page = /** @type {{ hidden?: boolean } | undefined} */ (Reflect.get(globalThis, "document"));
    if (page?.hidden || !this._isLoaded || this.#loading || Date.now() - this.#loadedAt < RECENT) return;
    this.#loadedAt = Date.now();
    const filter = this.#filter;
    const before = new Map(this.#items);
    const found = await this.chat.request("GET", "chat/receive/", { query: Object.fromEntries(this.#query) }).catch(() => null); // the next look asks again
    if (!found || filter !== this.#filter || this.#loading) return;
    const isSame = (/** @type {number} */ id) => this.#items.get(id) === before.get(id);
    const ids = new Set(found.results.map((/** @type {Item} */ { room_id }) => room_id));
    const oldest = found.next ? activeAt(found.results.at(-1)) : "";
    for (const [id, item] of before) if (!ids.has(id) && isSame(id) && activeAt(item) > oldest) this.#items.delete(id);
    for (const room of found.results) if (isSame(room.room_id)) this.#keep(room);
    this.inbox._changed();
  }

  /** @param {number} id @param {Partial<Item>} change */
  _patch(id, change) {
    const item = this.#items.get(id);
    if (!item && !(change.members && !change.archived && this.#isWhole && (change.unread || !this.#filter.unread))) return;
    this.#keep(/** @type {Item} */ ({ ...item, ...change }));
    this.inbox._changed();
  }

  /** Whether every room that is active belongs into what is loaded. */
  get #isWhole() {
    const { q, archived, context, context_prefix } = this.#filter;
    return this.#next !== undefined && !(q || archived || context || context_prefix);
  }

  /** @param {number | null} id @param {import("./types.js").WireMessage} [message] */
  _touch(id, message) {
    const last = this.#items.get(id ?? 0)?.last_message;
    if (last === undefined || !message) return;
    const { message_id, text: content, attachments, created_at, sender_id, status, kind } = message;
    if (last?.message_id === message_id && last.content === content && last.status === status) return;
    const from_this_user = String(sender_id) === String(this.chat.me?.user_id);
    this._patch(/** @type {number} */ (id), { last_message: { content, attachments, created_at, from_this_user, message_id, sender_id, status, kind } });
  }

  /** The user has written, maybe in another tab and as the first in a room. @param {import("./types.js").WireMessage} message */
  async _sent(message) {
    const { room_id: id } = message;
    if (!this.#items.has(id) && this.#isWhole && !this.#filter.unread) {
      const room = await this.chat.request("GET", `chat/rooms/${id}/`).catch(() => null); // the next loading of the list has it
      if (room && !room.archived && !this.#items.has(id)) this.#keep(room);
      this.inbox._changed();
    }
    this._touch(id, message);
  }

  /** @param {number | null} id */
  _forget(id) {
    if (this.#items.delete(id ?? 0)) this.inbox._changed();
  }

  /** @param {import("./types.js").UserId} user @param {Partial<import("./types.js").Member>} presence */
  _meet(user, presence) {
    for (const item of this.#items.values()) {
      const isIn = item.members.some((one) => String(one.user_id) === String(user));
      if (isIn) this._patch(item.room_id, { members: met(item.members, user, presence) });
    }
  }

  /** @param {number} id */
  read(id) {
    const item = this.#items.get(id);
    if (item?.unread || item?.marked_unread) this._patch(id, { unread: 0, marked_unread: false });
  }

  /**
   * @param {Map<number, Notice>} notices of the rooms that have unread messages
   * @param {Map<number, Notice> | null} known those before, null where these are the first
   * @returns {Promise<boolean>} whether a room could not be loaded
   */
  async notice(notices, known) {
    const unknown = [];
    for (const [id, notice] of notices) {
      if (this.#items.has(id)) this.#update(notice);
      else if (known && !known.has(id)) unknown.push(id);
    }
    if (notices.size < NOTICES) {
      for (const { room_id, unread } of this.#items.values()) if (unread && !notices.has(room_id)) this._patch(room_id, { unread: 0 });
    }
    if (!this.#isWhole) return false;
    try {
      if (unknown.length > SINGLE) await this.reload();
      else for (const id of unknown) this.#keep(await this.chat.request("GET", `chat/rooms/${id}/`));
      this.inbox._changed();
      return false;
    } catch {
      return true;
    }
  }

  /** @param {URLSearchParams} query @param {boolean} [isFirst] */
  async #load(query, isFirst = false) {
    clearTimeout(this.#timer);
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.#error = null;
    this.inbox._changed();
    try {
      const page = await this.chat.request("GET", "chat/receive/", { query: Object.fromEntries(query), signal: loading.signal });
      await this.#restoreDrafts();
      if (loading !== this.#loading) return;
      if (isFirst) this.#items.clear();
      for (const room of page.results) this.#keep(room);
      this.#catchUp();
      this.#loadedAt = Date.now();
      this.#tries = 0;
      this.#next = page.next && new URL(page.next).searchParams;
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#error = /** @type {Error} */ (error);
      if (isFirst && this.chat.session._errors.isTemporary(error)) this.#retry();
      import("./lazy-calls.js").then(({ explain }) => explain(this.chat, error), () => {}); // the next failure is explained
      throw error;
    } finally {
      if (loading === this.#loading) this.#loading = null;
      this.inbox._changed();
    }
  }

  /** What an open room has received while the list was on its way. */
  #catchUp() {
    for (const { id, snapshot } of this.chat._rooms.values()) {
      const last = snapshot.messages.at(-1);
      const known = this.#items.get(id ?? 0)?.last_message?.message_id ?? 0;
      if (last && last.message_id > known) this._touch(id, last);
    }
  }

  /** The first page is asked for again by itself: where the sockets are open nothing else would. */
  #retry() {
    this.#timer = setTimeout(() => {
      if (!this.chat.session._isClosed) this.reload().catch(() => {}); // the snapshot has the error
    }, backoff(this.#tries++));
  }

  async #restoreDrafts() {
    if (this.#next !== undefined || !(await this.chat._identified())) return;
    for (const key of (await this.chat._vault("keys", "draft ")) ?? []) {
      const draft = await this.chat._vault("get", key);
      this.inbox._drafts.set(Number(key.slice(6)), draft?.text ?? "");
    }
  }

  /** @param {import("./types.js").RoomInfo} room */
  #keep(room) {
    const draft = this.inbox._drafts.get(room.room_id) ?? "";
    this.#items.set(room.room_id, Object.freeze({ ...room, draft, with: this.chat._other(room) }));
  }

  /** @param {Notice} notice */
  #update({ room_id, counter_by_room: unread, last_message: content, status, sender_id, created_at, about }) {
    const last = /** @type {Item} */ (this.#items.get(room_id)).last_message;
    const isSame = last?.created_at === created_at && last?.content === content;
    const isOlder = last && (last.from_this_user || isSame) && last.created_at >= created_at;
    const fresh = isOlder ? last : { content, created_at, sender_id, status, from_this_user: false };
    this._patch(room_id, { unread, last_message: fresh, ...(about && { about }) });
  }
}

/** @param {Item} item */
const activeAt = ({ last_message, created_at }) => last_message?.created_at ?? created_at;
