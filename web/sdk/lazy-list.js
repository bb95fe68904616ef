import { backoff } from "./backoff.js";

/** @typedef {import("./types.js").Item} Item */

/** The rooms of the inbox: loaded with the first use of the list. What changes it later is loaded with the calls. */
export class List {
  /** @type {import("./types.js").Filter} */
  _filter = {};
  /** @type {Map<number, Item>} */
  _items = new Map();
  /** @type {URLSearchParams | null | undefined} */
  #next; // undefined: nothing is loaded
  /** @type {AbortController | null} */
  _loading = null;
  /** @type {Error | null} */
  #error = null;
  _loadedAt = 0;
  #tries = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("./inbox.js").Inbox} inbox */
  constructor(inbox) {
    this.inbox = inbox;
    const { chat } = inbox;
    this.chat = chat;
    const { signal } = chat._listeners;
    for (const name of ["focus", "visibilitychange"]) {
      /** @type {Partial<EventTarget>} */ (globalThis).addEventListener?.(name, () => chat._withCalls(({ refreshList }) => refreshList(this)), { signal });
    }
  }

  _build() {
    const rooms = [...this._items.values()].sort((a, b) => Number(activeAt(a) < activeAt(b)) - Number(activeAt(a) > activeAt(b)));
    return { rooms, hasMore: Boolean(this.#next), loading: Boolean(this._loading) || !(this._isLoaded || this.#error), filter: this._filter, error: this.#error };
  }

  get _isLoaded() {
    return this.#next !== undefined;
  }

  async more() {
    if (this.#next && !this._loading) await this.#load(this.#next);
  }

  async reload(filter = this._filter) {
    this._filter = filter;
    await this.#load(this._query, true);
  }

  get _query() {
    const { q, unread, archived, context, context_prefix } = this._filter;
    const wish = { q, unread: unread && "1", archived: archived && "1", context, context_prefix };
    const given = Object.entries(wish).filter(([, value]) => value);
    return new URLSearchParams(/** @type {[string, string][]} */ (given));
  }

  /** @param {number} id @param {Partial<Item>} change */
  _patch(id, change) {
    const item = this._items.get(id);
    if (!item && !(change.members && !change.archived && this._isWhole && (change.unread || !this._filter.unread))) return;
    this._keep(/** @type {Item} */ ({ ...item, ...change }));
    this.inbox._changed();
  }

  /** Whether every room that is active belongs into what is loaded. */
  get _isWhole() {
    const { q, archived, context, context_prefix } = this._filter;
    return this._isLoaded && !(q || archived || context || context_prefix);
  }

  /** @param {URLSearchParams} query @param {boolean} [isFirst] */
  async #load(query, isFirst = false) {
    const { chat, inbox } = this;
    clearTimeout(this.#timer);
    this._loading?.abort();
    const { _notices: before } = inbox;
    const loading = (this._loading = new AbortController());
    this.#error = null;
    inbox._changed();
    try {
      const page = await chat.request("GET", "chat/receive/", { query: Object.fromEntries(query), signal: loading.signal });
      await chat._recognize(page.results);
      if (!this._isLoaded && (await chat._identified())) for (const [id, text] of (await chat._vault("drafts")) ?? []) inbox._drafts.set(id, text);
      if (loading !== this._loading) return;
      if (isFirst) this._items.clear();
      for (const room of page.results) this._keep(room);
      this._loadedAt = Date.now();
      this.#tries = 0;
      this.#next = page.next && new URL(page.next).searchParams;
      if (inbox._notices !== before) chat._withCalls(({ noticeMeanwhile }) => noticeMeanwhile(this, before));
      if (chat._rooms.size) chat._withCalls(({ catchUp }) => catchUp(this));
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#error = /** @type {Error} */ (error);
      chat._identify?.();
      if (isFirst && chat.session._errors.isTemporary(error)) this.#retry();
      chat._withCalls(({ explain }) => explain(chat, error)); // or the next failure
      throw error;
    } finally {
      if (loading === this._loading) this._loading = null;
      inbox._changed();
    }
  }

  /** The first page is asked for again by itself: where the sockets are open nothing else would. */
  #retry() {
    this.#timer = setTimeout(() => {
      if (!this.chat.session._isClosed) this.reload().catch(() => {}); // the snapshot has the error
    }, backoff(this.#tries++));
  }

  /** @param {import("./types.js").RoomInfo} room */
  _keep(room) {
    const draft = this.inbox._drafts.get(room.room_id) ?? "";
    this._items.set(room.room_id, Object.freeze({ ...room, draft, with: this.chat._other(room) }));
  }
}

/** @param {Item} item */
const activeAt = ({ last_message, created_at }) => last_message?.created_at ?? created_at;
