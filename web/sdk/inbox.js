import { Connection } from "./connection.js";
import { later, withCalls } from "./errors.js";
import { loadModule } from "./loading.js";
import { Observable } from "./observable.js";
import { bundled } from "./storage.js";

/** @typedef {import("./types.js").Item} Item */

/**
 * The user's rooms, newest activity first, kept up to date by the notifications socket.
 * @extends {Observable<import("./types.js").InboxSnapshot, {}>}
 */
export class Inbox extends Observable {
  /** @type {number | null} */
  unread = null; // messages in all rooms but the muted
  /** @type {Map<number, string>} */
  _drafts = new Map();
  /** @type {import("./lazy-list.js").List | null} */
  _list = null; // loaded with the first use
  /** @type {Map<number, import("./types.js").Notice> | null} */
  _notices = null;
  #isAsked = false; // whether the list is on its way
  /** @type {Error | null} */
  #error = null;
  _isMissing = false; // notices may have been missed

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    super();
    this.chat = chat;
    this._connection = new Connection(chat.session, {
      address: () => {
        const url = chat.session._socketUrl("ws/chat/notifications/");
        url.search = "?format=flat";
        return url;
      },
      receive: (frame) => this.#receive(frame),
      _changed: () => this.#connectionChanged(),
    });
  }

  _build() {
    const { unread, _connection: connection } = this;
    const list = this._list?._build() ?? { rooms: [], hasMore: false, loading: this.#isAsked, filter: {}, error: this.#error };
    return { ...list, unread, state: connection.state };
  }

  /** Loads the next page. */
  async more() {
    await (await this.#listed()).more();
  }

  /** Shows other rooms; `{}` is all. @param {import("./types.js").Filter} filter */
  async filter(filter) {
    await (await this.#listed()).reload(filter);
  }

  /** Loads the first page again. */
  async reload() {
    await (await this.#listed()).reload();
  }

  /**
   * The notifications socket, without the list. Browsers open sockets of one server one after another:
   * those of rooms that are shown go first, where nothing of them is stored.
   * @internal
   */
  async _listen() {
    const { _vault: vault, _rooms: rooms, session } = this.chat;
    if (!(await vault("isFilled"))) await Promise.all([...rooms.values()].map((room) => room._starting));
    if (!session._isClosed) this._connection.open();
  }

  /** @internal */
  start() {
    void this._listen();
    if (!this._list?._isLoaded) this.reload().catch(() => {}); // the snapshot has the error
  }

  /** @internal @param {number | null} id @param {Partial<Item>} change */
  _patch(id, change) {
    if (id === null) return;
    if (change.draft !== undefined) this._drafts.set(id, change.draft);
    this._list?._patch(id, change);
  }

  async #listed() {
    this.#isAsked = true;
    this.#error = null;
    this._changed();
    try {
      const { List } = await loadList();
      return (this._list ??= new List(this));
    } catch (error) {
      this.#error = /** @type {Error} */ (error);
      throw error;
    } finally {
      this.#isAsked = false;
      this._changed();
    }
  }

  #connectionChanged() {
    const { state } = this._connection;
    if (state === "waiting") this._isMissing = true;
    if (state === "open") loadList().catch(() => {}); // while there is a network; tried again where it is used
    if (state === "open" && this._isMissing) {
      this._isMissing = false;
      if (this._list?._isLoaded || this.#error) this.reload().catch(() => {}); // the snapshot has the error
    }
    this.chat._changed();
    this._changed();
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.type !== "notify") return;
    const { counter: total, messages } = /** @type {{ counter: number, messages: import("./types.js").Notice[] }} */ (frame);
    const known = this._notices;
    const notices = (this._notices = new Map(messages.map((one) => [one.room_id, one])));
    this.unread = total;
    if (known || this._list) withCalls(({ notice }) => notice(this, notices, known), () => (this._isMissing = true));
    this.chat._emit("unread", { total, rooms: messages.map(({ room_id, counter_by_room: unread }) => ({ room_id, unread })) });
    this.chat._changed();
    this._changed();
  }
}

const loadList = later(() => bundled._list ?? loadModule(() => import("./lazy-list.js")));
