import { backoff } from "./backoff.js";
import { isTemporary, lazily, loadCalls, SignedOut, withCalls } from "./errors.js";
import { Inbox } from "./inbox.js";
import { isSameUser } from "./members.js";
import { Observable } from "./observable.js";
import { Room } from "./room.js";
import { UserSession } from "./session.js";
import { vaultOf } from "./storage.js";

/** @typedef {import("./types.js").UserId} UserId */

/**
 * A user's chat: what `connect` returns.
 * @extends {Observable<import("./types.js").ChatSnapshot, import("./types.js").ChatEvents>}
 */
export class Chat extends Observable {
  /** @type {import("./types.js").Me | null} */
  me = null;
  /** Who the user is, as soon as an answer tells it, perhaps before `me`; null after one that failed. @internal @type {UserId | null | undefined} */
  _user;
  #tell = (/** @type {unknown} */ _) => {};
  #told = new Promise((resolve) => (this.#tell = resolve));
  leads = false; // whether this tab shows notifications
  /** @type {Promise<import("./types.js").Me>} */
  ready;
  /** @type {Map<number | string, Room>} */
  _rooms = new Map();
  /** @type {Promise<any> | null} */
  _config = null;
  /** @type {Promise<ReturnType<typeof import("./tabs.js").join> | void> | null} */
  _tabs = null;
  #isEnded = false;
  /** @type {import("./types.js").ChatState} */
  #state = "connecting";
  _listeners = new AbortController();
  _withCalls = withCalls; // for what is loaded later

  /** Limits and features of the server. */
  config = lazily(this, "config");
  /** Makes a room at once. */
  open = lazily(this, "open");
  search = lazily(this, "search");
  blocks = lazily(this, "blocks");
  block = lazily(this, "block");
  unblock = lazily(this, "unblock");
  /** Takes another token where it is of the same user; whether it is. @internal */
  _renew = lazily(this, "renewBy");

  /** Asks who the user is, where that is put off. @internal @type {((_?: unknown) => void) | null} */
  _identify = null;

  /** @param {import("./types.js").Options} options @param {boolean} [isLater] whether it is asked later who the user is */
  constructor(options, isLater) {
    super();
    this.session = new UserSession(options);
    this.session._onChange = () => this.#sessionChanged();
    this._vault = vaultOf(options.storage, this.session.server.href);
    this.inbox = new Inbox(this);
    const { signal } = this._listeners;
    const on = (/** @type {string} */ name, /** @type {(one: import("./connection.js").Connection) => void} */ act) =>
      /** @type {Partial<EventTarget>} */ (globalThis).addEventListener?.(name, () => this.session._connections.forEach(act), { signal });
    on("offline", (one) => one._lose());
    on("online", (one) => one.retry());
    this.ready = this.#identify(isLater);
  }

  _build() {
    const { me, unread, retryAt, leads } = this;
    return { state: this.state, me, unread, retryAt, leads };
  }

  /** @returns {import("./types.js").ChatState} */
  get state() {
    if (this.#isEnded) return "ended";
    if (this.session.signedOut) return "signedout";
    const states = [...this.session._connections].map(({ state }) => state);
    return states.includes("waiting") ? "waiting" : states.includes("open") && !states.includes("connecting") ? "open" : "connecting";
  }

  get unread() {
    return this.inbox.unread;
  }

  get retryAt() {
    const times = [...this.session._connections].flatMap(({ retryAt }) => retryAt ?? []);
    return times.length ? Math.min(...times) : null;
  }

  /** @param {number} id */
  room(id) {
    return this._roomOf(id) ?? this.#keep(id, () => new Room(this, id));
  }

  /** The model that has the connection of a room, by whichever name it was made. @internal @param {number} id @param {Room} [besides] */
  _roomOf(id, besides) {
    return [this._rooms.get(id), ...this._rooms.values()].find((room) => room?.id === id && !room._leader && room !== besides);
  }

  /**
   * The room with another user, about something; made with the first message.
   * @param {UserId} user
   * @param {{ context?: string, title?: string }} [about]
   */
  with(user, { context = "", title } = {}) {
    return this.#keep(`${user} ${context}`, () => new Room(this, null, { user, context, title }));
  }

  /**
   * Any call of the API.
   * @param {string} method
   * @param {string} path
   * @param {import("./types.js").Call} [call]
   */
  request(method, path, call) {
    return this.session.request(method, path, call);
  }

  /** Tries everything again at once; also the way back after `signedout`. */
  retry() {
    this.session._resume();
    if (this._identify) this._identify();
    else if (!this.me) this.ready = this.#identify();
    withCalls(({ resumeAll }) => resumeAll(this));
  }

  /** @param {string} token */
  setToken(token) {
    this.session.signedOut = null;
    this.session._keep(token);
    this.retry();
  }

  /** Ends, and erases what this user has stored in the browser. */
  async signOut() {
    const calls = await loadCalls().catch(() => null);
    if (calls) return calls.signOut(this);
    void this._vault("erase"); // the user's other tabs do not hear of it
    this.end();
  }

  /** Closes all; nothing is erased. */
  end() {
    this.#isEnded = true;
    this._identify?.();
    this._listeners.abort();
    void this._tabs?.then((tabs) => tabs?.close());
    this.session.close();
    this._changed();
  }

  /** @internal */
  start() {
    void this.inbox._listen();
  }

  /**
   * @template {keyof import("./types.js").ChatEvents} Name
   * @param {Name} name
   * @param {(detail: import("./types.js").ChatEvents[Name]) => void} run
   */
  on(name, run) {
    if (name === "unread" || name === "message") void this.inbox._listen();
    return super.on(name, run);
  }

  /** Whether something of the user may be stored, who is known by then. @internal */
  async _identified() {
    if (!(await this._vault("isFilled"))) return false;
    this._identify?.();
    await this.ready.catch(() => {});
    return this.me !== null;
  }

  /**
   * The user is a member of all their rooms, and wrote in them what is said to be theirs. Nothing of rooms is
   * shown before it was asked who that is: what is theirs would look like another's.
   * @internal
   * @param {import("./types.js").RoomInfo[]} rooms
   */
  async _recognize(rooms) {
    if (this._user !== undefined) return;
    const fits = (/** @type {UserId} */ user) => rooms.every(({ members, last_message: last }) =>
      members.some((one) => isSameUser(one.user_id, user)) && (!last?.sender_id || last.from_this_user === isSameUser(last.sender_id, user)));
    const [user, another] = rooms[0]?.members.map((one) => one.user_id).filter(fits) ?? [];
    if (user !== undefined && another === undefined) this.#know(user);
    else {
      this._identify?.();
      if (rooms.length) await this.#told;
    }
  }

  /** @param {UserId | null} user */
  #know(user) {
    this._user = user ?? this._user ?? null; // what the server says of them holds
    this.#tell(user);
    for (const model of [this, this.inbox, ...this._rooms.values()]) model._changed();
  }

  /** The other member of a room of two. @internal @param {{ members?: import("./types.js").Member[] } | null} room */
  _other(room) {
    const others = room?.members?.filter((one) => !isSameUser(one.user_id, this._user)) ?? [];
    return (this._user ?? null) !== null && room?.members?.length === 2 ? (others[0] ?? null) : null;
  }

  /** @internal */
  _flush() {
    const { state } = this;
    if (state !== this.#state) this._emit("state", { state });
    this.#state = state;
    if (this.me && state === "open") this._tabs ??= this.#join();
  }

  /** @param {boolean} [isLater] */
  #identify(isLater) {
    const ready = this.#ask(isLater);
    ready.catch(() => {});
    return ready;
  }

  /** @param {boolean} [isLater] */
  async #ask(isLater) {
    if (isLater) await new Promise((resolve) => (this._identify = resolve));
    this._identify = null;
    for (let tries = 0; !this.#isEnded; tries++) {
      try {
        this.me = Object.freeze(await this.request("GET", "chat/me/"));
        break;
      } catch (error) {
        this.#know(null);
        if (!isTemporary(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, backoff(tries)));
      }
    }
    if (!this.me) throw new SignedOut("ended");
    void this._vault("open", String(this.me.user_id));
    this.#know(this.me.user_id);
    return this.me;
  }

  /** The other tabs of this user. */
  #join() {
    const lead = () => {
      this.leads = true;
      this._changed();
    };
    return loadCalls().then(({ join }) => join(this, lead), lead);
  }

  /** @param {number | string} key @param {() => Room} make */
  #keep(key, make) {
    const room = this._rooms.get(key) ?? make();
    this._rooms.set(key, room);
    return room;
  }

  #sessionChanged() {
    const { signedOut } = this.session;
    if (signedOut) this._emit("signedout", { error: signedOut });
    this._changed();
  }
}
