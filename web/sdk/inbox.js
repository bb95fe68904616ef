import { Connection } from "./connection.js";
import { later } from "./errors.js";
import { Observable } from "./observable.js";

/** @typedef {import("./types.js").Item} Item */

/**
 * The user's rooms, newest activity first, kept up to date by the notifications socket.
 * @extends {Observable<import("./types.js").InboxSnapshot, {}>}
 */
export class Inbox extends Observable {
  /** @type {number | null} */
  unread = null; // messages in all rooms but the muted
  /** @type {Map<number, string>} */
  drafts = new Map();
  /** @type {import("./lazy-list.js").List | null} */
  #list = null; // loaded with the first use
  /** @type {Map<number, import("./types.js").Notice>} */
  #notices = new Map();
  #isAsked = false; // whether the list is on its way
  /** @type {Error | null} */
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
    const { unread, connection } = this;
    const list = this.#list?.build() ?? { rooms: [], hasMore: false, loading: this.#isAsked, filter: {}, error: this.#error };
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

  /** The notifications socket, without the list. @internal */
  listen() {
    this.connection.open();
  }

  /** @internal */
  start() {
    this.listen();
    if (!this.#list?.isLoaded) this.reload().catch(() => {}); // the snapshot has the error
  }

  /** @internal @param {number | null} id @param {Partial<Item>} change */
  patch(id, change) {
    if (id === null) return;
    if (change.draft !== undefined) this.drafts.set(id, change.draft);
    this.#list?.patch(id, change);
  }

  /** The last message of a room, as an open room or another tab has it. @internal @param {number | null} id @param {import("./types.js").WireMessage} [message] */
  touch(id, message) {
    this.#list?.touch(id, message);
  }

  /** @internal @param {number | null} id */
  forget(id) {
    this.#list?.forget(id);
  }

  /** @internal @param {import("./types.js").UserId} user @param {Partial<import("./types.js").Member>} presence */
  meet(user, presence) {
    this.#list?.meet(user, presence);
  }

  /** A room was read, here or in another tab: known before the server tells. @internal @param {number} id */
  read(id) {
    this.#list?.read(id);
  }

  async #listed() {
    this.#isAsked = true;
    this.#error = null;
    this.changed();
    try {
      const { List } = await loadList();
      return (this.#list ??= new List(this));
    } catch (error) {
      this.#error = /** @type {Error} */ (error);
      throw error;
    } finally {
      this.#isAsked = false;
      this.changed();
    }
  }

  #connectionChanged() {
    const { state } = this.connection;
    if (state === "waiting") this.#isMissing = true;
    if (state === "open" && this.#isMissing) {
      this.#isMissing = false;
      if (this.#list?.isLoaded || this.#error) this.reload().catch(() => {}); // the snapshot has the error
    }
    this.chat.changed();
    this.changed();
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.type !== "notify") return;
    const { counter: total, messages } = /** @type {{ counter: number, messages: import("./types.js").Notice[] }} */ (frame);
    const isFirst = this.unread === null;
    const known = this.#notices;
    this.unread = total;
    this.#notices = new Map(messages.map((one) => [one.room_id, one]));
    const isMissed = this.#list?.notice(this.#notices, isFirst ? null : known);
    isMissed?.then((isMissed) => (this.#isMissing ||= isMissed)); // the list is loaded with the next connection
    for (const notice of messages) {
      const before = known.get(notice.room_id);
      if (!isFirst && !(before && before.created_at >= notice.created_at)) this.chat.arrived(notice);
    }
    this.chat.emit("unread", { total, rooms: messages.map(({ room_id, counter_by_room: unread }) => ({ room_id, unread })) });
    this.chat.changed();
    this.changed();
  }
}

const loadList = later(() => import("./lazy-list.js"));
