import { Connection } from "./connection.js";
import { ChatError, isTemporary, lazily, loadCalls, soon } from "./errors.js";
import { isWith } from "./members.js";
import { Observable } from "./observable.js";
import { Outbox } from "./outbox.js";
import { loadBrowser } from "./storage.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./types.js").UserId} UserId */

const TOO_LONG = 1009; // the code of a connection that ended because of a frame's length
const CLOSE_AFTER = 500; // ms between the last subscription and the end of the connection

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
  _draft = /** @type {{ text: string, replyTo?: number }} */ ({ text: "" });
  /** @type {"older" | "newer" | "around" | null} */
  loading = null;
  _isLoaded = false;
  _isFound = false; // a room that was there before, of which the list does not know that it is this one
  #readUpto = 0;
  _typedAt = 0;
  /** @type {Promise<void> | null} */
  _starting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saving;
  /** @type {Map<number, import("./types.js").Message>} */
  #shown = new Map();
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
  typing = lazily(this, "typing");
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
    this._outbox = new Outbox(chat._vault, this._connection, this.key, this);
  }

  _build() {
    const { _connection: connection, _timeline: timeline, info, id, loading } = this;
    const { state, error, retryAt } = connection;
    const { newest, missed, hasOlder, hasNewer } = timeline;
    const messages = timeline.view(this.chat.me?.user_id, this._changes);
    const mark = timeline.receipts.get(this.#me)?.read ?? null;
    const unread = (/** @type {import("./types.js").Message} */ one) => !one.mine && one.message_id > (mark ?? Infinity);
    return {
      id,
      state,
      error,
      retryAt,
      loaded: this._isLoaded,
      messages,
      outgoing: this._outbox.items,
      typing: this.#typists,
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
    this._typedAt = 0;
    const one = this._outbox.add(typeof draft === "string" ? { text: draft } : draft);
    this._begin();
    this._pump();
    return one;
  }

  /** The user has seen this message and all before it. @param {number} message_id */
  read(message_id) {
    if (message_id <= this.#readUpto) return;
    this.#readUpto = message_id;
    this._connection.send({ action: "read", message_id });
    const receipt = this._timeline.receipts.get(this.#me);
    if (receipt && receipt.read < message_id) this._timeline.receipts.set(this.#me, { ...receipt, read: message_id });
    if (message_id >= this._timeline.newest && this.id) void this.chat._share({ read: this.id });
    this._changed();
  }

  /** @param {{ text: string, replyTo?: number }} draft */
  setDraft(draft) {
    this._draft = draft;
    const key = `draft ${this.id ?? this.key}`;
    void this.chat._vault(draft.text ? "set" : "delete", key, draft);
    this.chat.inbox._patch(this.id, { draft: draft.text });
    this._changed();
  }

  // ------------------------------------------------------------ the connection

  /** @internal */
  start() {
    clearTimeout(this.#timer);
    if (this.info?.marked_unread) this.#readUpto = 0; // reading it again takes the mark away
    this._begin();
  }

  /** @internal */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const isBusy = this._changes?.size || this._outbox.items.some((one) => one.state !== "refused");
      if (this._isUsed || isBusy) return;
      this.#save();
      this._starting = null;
      this._connection.close();
    }, CLOSE_AFTER);
  }

  /** @internal */
  _flush() {
    const { messages } = this.snapshot;
    const shown = this.#shown;
    this.#shown = new Map(messages.map((one) => [one.message_id, one]));
    const added = messages.filter((one) => !shown.has(one.message_id));
    const changed = messages.filter((one) => shown.has(one.message_id) && shown.get(one.message_id) !== one);
    const removed = [...shown.keys()].filter((id) => !this.#shown.has(id));
    if (added.length || changed.length || removed.length) this._emit("messages", { added, changed, removed });
    if (this._isLoaded && !this._timeline.hasNewer) this.chat.inbox._list?._touch(this.id, messages.at(-1));
  }

  /** @internal @param {import("./outgoing.js").Outgoing | null} outgoing @param {Error} error @param {string} [action] */
  refused(outgoing, error, action = "send") {
    this.#tell("refused", { outgoing, error, action });
  }

  /** @internal @param {import("./outgoing.js").Outgoing} outgoing */
  _dropped({ client_id }) {
    void this.chat._share({ cancel: client_id });
  }

  get #me() {
    return String(this.chat.me?.user_id);
  }

  _begin() {
    this._starting ??= this.#restore().then(() => this.#open());
  }

  /** What the storage has of this room. */
  async #restore() {
    if (!this._isLoaded && (await this.chat._identified())) await loadBrowser().then(({ restore }) => restore(this), () => {}); // without it from the server alone
  }

  /** The room with the peer; mostly it is on the first page, and what else may become of it is not loaded before the messages. */
  async #find() {
    const peer = /** @type {NonNullable<typeof this._peer>} */ (this._peer);
    const query = { context: peer.context, page_size: "100" };
    const page = this._outbox.items.length ? null : await this.chat.request("GET", "chat/receive/", { query }).catch(() => null);
    const found = page?.results.find((/** @type {import("./types.js").RoomInfo} */ one) => isWith(one, peer));
    if (!found) return (await loadCalls()).find(this, page);
    this.id = found.room_id;
    this.info = found;
    this._isFound = true;
    this._changed();
    if (await this.chat._identified()) loadCalls().then(({ adopt }) => adopt(this), () => {}); // else once its messages are there
  }

  async #open() {
    try {
      if (this.id === null) await this.#find();
      if (this.id !== null) this._connection.open();
    } catch (error) {
      this._starting = null;
      if (isTemporary(error)) this.#timer = setTimeout(() => this._begin(), 3_000);
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
    const { state, error, _lastCode: lastCode } = this._connection;
    if (state !== "open") {
      for (const { timer } of this._typing.values()) clearTimeout(timer);
      this._typing.clear();
    }
    if (state === "ended" || lastCode === TOO_LONG) loadCalls().then(({ giveUp }) => giveUp(this, state, error), () => {}); // again on the next connection
    if (state === "open") {
      const read = this._timeline.receipts.get(this.#me)?.read ?? 0;
      if (this.#readUpto > read) this._connection.send({ action: "read", message_id: this.#readUpto });
      this._pump();
    }
    if (this.#state !== state) this._emit("state", { state });
    this.#state = state;
    this.chat._changed();
    this._changed();
  }

  // ------------------------------------------------------------ frames

  /** @param {any} frame */
  #receive(frame) {
    const { type, message, user_id } = frame;
    const isNew = type === "chat_message" && message.message_id > this._timeline.newest;
    this._timeline.apply(frame);
    this._changes?.apply(frame);
    if (type === "sync") this.#synced(frame);
    else if (type === "chat_message") this.#arrived(message, isNew);
    else if (type === "receipt") this._emit("receipts", { receipts: [...this._timeline.receipts.values()] });
    else if (type === "typing") return void loadCalls().then(({ types }) => types(this, user_id), () => {}); // the next frame says so again
    else if (type === "presence") return void loadCalls().then(({ meet }) => meet(this, frame), () => {}); // without it there is no info to change
    else if (type === "error") loadCalls().then(({ refused }) => refused(this, frame), () => {}); // refused again on the next connection
    else if (type === "room_changed") return void this.reload().catch(() => {}); // the next one asks again
    else if (type === "room_deleted") this._emit("deleted", {});
    if (!this._changes?.size && !this._outbox.items.length && !this._isUsed) this.stop();
    this._changed();
    this.#saving ??= setTimeout(() => this.#save(), CLOSE_AFTER);
  }

  /** @param {any} frame */
  #synced(frame) {
    this._isLoaded = true;
    for (const message of frame.messages) this.#stored(message);
    soon().then(() => Promise.all([loadCalls(), loadBrowser()])).then(([{ adopt }]) => {
      if (this._isFound) adopt(this);
      return this.info?.can ? null : this.reload();
    }).catch(() => {}); // asked for again by the next connection, and where it is used
  }

  /** @param {import("./types.js").WireMessage} message @param {boolean} isNew */
  #arrived(message, isNew) {
    if (this._typing.size) loadCalls().then(({ stopTyping }) => stopTyping(this, String(message.sender_id)), () => {}); // or ends by itself
    this.#stored(message);
    const isOwn = String(message.sender_id) === this.#me;
    if (isNew && !isOwn) this.chat._emit("message", { room_id: message.room_id, message, live: true });
    if (isNew && isOwn) void this.chat._share({ touch: message });
  }

  /** @param {import("./types.js").WireMessage} message */
  #stored(message) {
    const outgoing = this._outbox.confirm(message);
    if (outgoing) this.#tell("sent", { message, outgoing });
  }

  /** @template {"sent" | "refused"} Name @param {Name} name @param {import("./types.js").RoomEvents[Name]} detail */
  #tell(name, detail) {
    this._emit(name, detail);
    this.chat._emit(name, /** @type {any} */ ({ room_id: this.id, ...detail }));
  }

  get #typists() {
    return [...this._typing.values()].map(({ user }) => user);
  }

  /** @internal */
  _typingChanged() {
    this._emit("typing", { users: this.#typists });
    this._changed();
  }

  // ------------------------------------------------------------ what goes out

  _pump() {
    this._changes?._pump();
    if (this._outbox.items.length) this._outbox._pump().catch(() => {}); // loaded with the next connection
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    loadCalls().then(({ save }) => save(this), () => {}); // kept after the next change
  }
}
