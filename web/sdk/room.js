import { Connection } from "./connection.js";
import { ChatError, isTemporary, lazily, loadCalls, withCalls } from "./errors.js";
import { isWith } from "./members.js";
import { Observable } from "./observable.js";
import { Outgoing } from "./outgoing.js";
import { loadBrowser } from "./storage.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./types.js").UserId} UserId */

const TOO_LONG = 1009; // the code of a connection that ended because of a frame's length

/**
 * One conversation.
 * @extends {Observable<import("./types.js").RoomSnapshot, import("./types.js").RoomEvents>}
 */
export class Room extends Observable {
  /** @type {import("./types.js").RoomInfo | null} */
  info = null;
  _timeline = new Timeline();
  /** @type {import("./changes.js").Changes | null} */
  _changes = null; // loaded with the first one
  /** @type {Map<string, { user: UserId, timer: ReturnType<typeof setTimeout> }>} */
  _typing = new Map();
  _isUnkept = false; // the draft, which is neither stored nor in the list yet
  /** @type {Map<string, { online: boolean, last_seen: string | null }>} */
  _met = new Map(); // who came and went on this connection
  _draft = /** @type {{ text: string, replyTo?: number }} */ ({ text: "" });
  /** @type {"older" | "newer" | "around" | null} */
  loading = null;
  _isLoaded = false;
  /** @type {Room | undefined} */
  _leader; // the model that has the connection of this room, where it is another one
  _isFound = false; // a room that was there before, of which the list does not know that it is this one
  /** @type {Outgoing[]} not confirmed, in the order of the writer; they survive the page */
  _outgoing = [];
  _isPumping = false;
  _tries = 0; // to send
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _held; // while nothing is sent
  _readUpto = 0;
  _readSent = 0;
  _typedAt = 0;
  /** @type {Promise<void> | null} */
  _starting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _saving;
  /** @type {Map<number, import("./types.js").Message>} */
  _told = new Map(); // messages that the last event was about
  /** @type {import("./types.js").State} */
  #state = "closed";

  /** Loads the page before the first message; whether there are more. */
  older = lazily(this, "older");
  newer = lazily(this, "newer");
  /** Shows what surrounds a message; whether it is there. */
  around = lazily(this, "around");
  /** Shows what surrounds the first message at or after a time. */
  at = lazily(this, "at");
  latest = lazily(this, "latest");
  /** Links to files expire: fresh ones. */
  refresh = lazily(this, "refresh");
  edit = lazily(this, "edit", true);
  delete = lazily(this, "deleteMessage", true);
  /** Adds a reaction or takes it away; the other way round where it is left out which. */
  react = lazily(this, "react", true);
  /** A button of a message. */
  act = lazily(this, "act");
  /** The user is writing: sent now and then, not with every key. */
  typing = lazily(this, "typing", true);
  report = lazily(this, "report");
  update = lazily(this, "update");
  /** Asks for the room's info again. */
  reload = lazily(this, "reload");
  addMember = lazily(this, "addMember");
  removeMember = lazily(this, "removeMember");
  leave = lazily(this, "leave");
  /** Deletes the room, for everybody. */
  remove = lazily(this, "remove");

  /**
   * @param {import("./chat.js").Chat} chat
   * @param {number | null} id
   * @param {{ user: UserId, context: string, title?: string, member?: import("./types.js").Member }} [peer] with whom the room is made
   */
  constructor(chat, id, peer) {
    super();
    this.chat = chat;
    this.id = id;
    this._peer = peer;
    this.key = id === null ? encodeURIComponent(`with ${peer?.user} ${peer?.context}`) : String(id);
    this._connection = new Connection(chat.session, {
      address: () => this.#address(),
      receive: (frame) => this.#receive(frame),
      _changed: () => this.#connectionChanged(),
    });
  }

  _build() {
    const { _connection: connection, _timeline: timeline, info, id, loading } = this;
    const { state, error, retryAt } = connection;
    const { newest, missed, hasOlder, hasNewer } = timeline;
    const messages = timeline.view(this.chat._user ?? undefined, this._changes);
    const mark = timeline.receipts.get(this._me)?.read ?? null;
    const unread = (/** @type {import("./types.js").Message} */ one) => !one.mine && one.message_id > (mark ?? Infinity);
    return {
      id,
      state,
      error,
      retryAt,
      loaded: this._isLoaded && this.chat._user !== undefined,
      messages,
      outgoing: this._outgoing,
      typing: state === "open" ? [...this._typing.values()].map(({ user }) => user) : [],
      readBy: [...timeline.receipts.values()],
      mark,
      firstUnread: messages.find(unread)?.message_id ?? null,
      newest,
      missed,
      hasOlder,
      hasNewer,
      loading,
      info,
      with: this.chat._other(info) ?? this._peer?.member ?? null,
      can: info?.can ?? null,
      draft: this._draft,
    };
  }

  // ------------------------------------------------------------ messages

  /** @param {import("./types.js").Draft | string} draft */
  send(draft) {
    const at = new Date(Math.max(Date.now(), Number(this._outgoing.at(-1)?.at ?? 0) + 1)); // the order of those that are restored
    const one = this._made({ ...(typeof draft === "string" ? { text: draft } : draft), at });
    this._outgoing = [...this._outgoing, one];
    this._begin();
    withCalls(({ pumpRoom }) => pumpRoom(this)); // or with the next connection
    this._changed();
    return one;
  }

  /** @internal @param {ConstructorParameters<typeof Outgoing>[0]} draft */
  _made(draft) {
    return new Outgoing(draft, this);
  }

  /** The user has seen this message and all before it. @param {number} message_id */
  read(message_id) {
    if (message_id <= this._readUpto) return;
    this._readUpto = message_id;
    withCalls(({ read }) => read(this, message_id)); // or with the next connection
  }

  /** @param {{ text: string, replyTo?: number }} draft */
  setDraft(draft) {
    this._draft = draft;
    withCalls(({ keepDraft }) => keepDraft(this, draft), () => (this._isUnkept = true)); // or with the next connection
    this._changed();
  }

  // ------------------------------------------------------------ the connection

  /** @internal */
  start() {
    clearTimeout(this._timer);
    if (this.info?.marked_unread) this._readUpto = 0; // reading it again takes the mark away
    this._begin();
  }

  /** @internal */
  stop() {
    withCalls(({ stop }) => stop(this));
  }

  /** @internal */
  _flush() {
    if (this._isLoaded) withCalls(({ publish }) => publish(this)); // or with the next change
  }

  /** @internal */
  get _me() {
    return String(this.chat._user);
  }

  _begin() {
    this._starting ??= this.#restore().then(() => this.#open());
  }

  /** What the storage has of this room. */
  async #restore() {
    if (this._isLoaded || !(await this.chat._identified())) return;
    await loadBrowser().then(({ restore }) => restore(this), () => {}); // without it from the server alone
    if (this._outgoing.length) await loadCalls().catch(() => {}); // some of it may be stored by the server already
  }

  /** The room with the peer; mostly it is on the first page, and what else may become of it is not loaded before the messages. */
  async #find() {
    const peer = /** @type {NonNullable<typeof this._peer>} */ (this._peer);
    const query = { context: peer.context, page_size: "100" };
    const page = this._outgoing.length ? null : await this.chat.request("GET", "chat/receive/", { query }).catch(() => null);
    const found = page?.results.find((/** @type {import("./types.js").RoomInfo} */ one) => isWith(one, peer));
    if (!found) {
      this.chat._identify?.();
      return (await loadCalls()).find(this, page);
    }
    await this.chat._recognize(page.results);
    this.id = found.room_id;
    this.info = found;
    this._isFound = true;
    this._changed();
    if (await this.chat._identified()) loadCalls().then(({ adopt }) => adopt(this), () => {}); // else once its messages are there
  }

  async #open() {
    try {
      if (this.id === null) await this.#find();
      if (this.id === null) return;
      if (this.chat._user === undefined && !this.chat.inbox.snapshot.loading) this.chat._identify?.(); // the list tells it, or asks
      this._leader ??= this.chat._roomOf(this.id, this);
      if (this._leader) (await loadCalls()).follow(this, this._leader);
      else this._connection.open();
    } catch (error) {
      this._starting = null;
      if (isTemporary(error)) this._timer = setTimeout(() => this._begin(), 3_000);
      else if (error instanceof ChatError) this._connection.end(error);
      else throw error;
    }
  }

  #address() {
    const url = this.chat.session._socketUrl("ws/chat/");
    const { cursor, epoch } = this._timeline;
    url.search = String(new URLSearchParams({ room_id: String(this.id), after: String(cursor), epoch, receipts: "manual,compact" }));
    return url;
  }

  #connectionChanged() {
    const { state, _lastCode: lastCode } = this._connection;
    if (state === "open" || state === "ended" || lastCode === TOO_LONG) withCalls(({ turned }) => turned(this)); // or with the next connection
    if (this.#state !== state) this._emit("state", { state });
    this.#state = state;
    this.chat._changed();
    this._changed();
  }

  /**
   * What is not loaded with the first messages does the rest. Where it can't be loaded, the next connection
   * begins before this frame.
   * @param {any} frame
   */
  #receive(frame) {
    const { _connection: connection } = this;
    const { turn } = connection;
    if (frame.type === "sync") {
      if (frame.epoch !== this._timeline.epoch) this._readUpto = this._readSent = 0; // other messages have these ids
      this._timeline.sync(frame);
      this._isLoaded = true;
      if (this.chat._user === undefined) this.chat._identify?.(); // a list that is slow is not waited for
      this._changed();
    }
    withCalls(({ receive }) => turn === connection.turn && receive(this, frame), () => turn === connection.turn && connection._lose(this._tries++));
  }
}
