/**
 * The protocol of roomcast by socket, without a page: `Room` holds one. (`Site` speaks HTTP.)
 *
 *   const site = new Site(document.baseURI, token);
 *   const room = new Room(site, 4);
 *   room.addEventListener("change", () => show(room.all(), room.outgoing));
 *   room.open();
 *   room.send("Hello");
 *
 * A room keeps what it knows through any loss of the line: it comes back with its cursor, hears
 * what changed since, and says again what was never confirmed. Nothing is lost, nothing doubled.
 */

import { Line, Lost } from "./line.js";
import { Refused } from "./site.js";

const INLINE = 1 << 20; // bytes; a larger file is PUT to a presigned URL, not carried by a frame
const TYPE_EVERY = 3_000; // ms between two words that the user is writing
const UNANSWERABLE = "The message that you answer was deleted meanwhile.";
const TYPED = 6_000; // ms after which another one, not heard again, has stopped writing

/**
 * One room. Events: "change" (messages, receipts or what is outgoing; with the frame that did it,
 * where it was one), "state", "arrived" (a new message, live), "typing", "presence" (with the
 * frame), "regrouped" (other members, or another title), "refused" (the server said no: `item` is
 * what to give back to the writer).
 */
export class Room extends Line {
  messages = new Map(); // message_id → message
  receipts = new Map(); // user id, as a string → { delivered, read }: message ids
  typists = new Map(); // user id, as a string → the timer that ends it
  outgoing = []; // what the server has not confirmed yet, in the order of the writer
  hasMore = false; // older messages than those we have
  loadingOlder = false;

  #cursor = 0; // the highest top-level version seen
  #epoch = "none"; // which life of the database the cursor is of: at first none, so we get the newest
  #readUpto = 0;
  #typedAt = 0;
  #leaving = false;
  #pumping = null;
  #pages = []; // requests for history that are under way
  #offers = new Map(); // client_id → who waits for the presigned URL

  constructor(site, id) {
    super(site);
    this.id = id;
  }

  // ------------------------------------------------------------ what a page asks of it

  all() {
    return [...this.messages.values()].sort((a, b) => a.message_id - b.message_id);
  }

  /** "send", "delivered" or "read": the least of all its recipients. */
  statusOf(message) {
    const others = [...this.receipts].filter(([user]) => user !== String(message.sender_id));
    const { message_id } = message;
    const have = (mark) => others.length && others.every(([, at]) => at[mark] >= message_id);
    if (message.status === "read" || have("read")) return "read";
    return message.status === "delivered" || have("delivered") ? "delivered" : "send";
  }

  /** What is outgoing for a message that is already there: an edit, a delete, or nothing. */
  changing(message) {
    const isChange = ({ action }) => action === "edit" || action === "delete";
    const { message_id } = message;
    return this.outgoing.findLast((item) => isChange(item) && item.message_id === message_id);
  }

  /** [{ emoji, users }], as they will be when what is outgoing has arrived. */
  reactionsOf(message) {
    const found = new Map();
    for (const { emoji, user_ids } of message.reactions ?? []) {
      found.set(emoji, new Set(user_ids.map(String)));
    }
    for (const { message_id, emoji, on } of this.outgoing.filter(isReaction)) {
      if (message_id !== message.message_id) continue;
      if (!found.has(emoji)) found.set(emoji, new Set());
      found.get(emoji)[on ? "add" : "delete"](this.site.me);
    }
    const all = [...found].map(([emoji, users]) => ({ emoji, users: [...users] }));
    return all.filter(({ users }) => users.length);
  }

  /** The message that this one answers, with the text it has by now: null once it is deleted. */
  quoteIn({ reply_to }) {
    const text = this.messages.get(reply_to?.message_id)?.text ?? reply_to?.text;
    return reply_to && { ...reply_to, text };
  }

  send(text, files = [], reply_to = undefined) {
    const at = new Date();
    const uploads = { paths: new Map(), progress: null };
    this.#typedAt = 0;
    this.#say({ action: "send", client_id: newId(), text, files, reply_to, at, ...uploads });
  }

  /** Puts an emoji under a message, or (`on` is false) takes one's own back; the last wish counts. */
  react(message_id, emoji, on) {
    const isSame = (item) => isReaction(item) && item.message_id === message_id;
    this.#confirm((item) => isSame(item) && item.emoji === emoji);
    this.#say({ action: "react", message_id, emoji, on });
  }

  /** The user is writing: the others are told so, not with every key. */
  type() {
    if (Date.now() - this.#typedAt < TYPE_EVERY) return;
    this.#typedAt = Date.now();
    this.tell({ action: "typing" });
  }

  edit(message_id, text) {
    this.#say({ action: "edit", message_id, text });
  }

  delete(message_id) {
    this.#say({ action: "delete", message_id });
  }

  /** How far the user had read, here or on another device; undefined until the server has said. */
  get mark() {
    const told = this.receipts.get(this.site.me)?.read;
    return this.state === "open" && told !== undefined ? Math.max(told, this.#readUpto) : undefined;
  }

  /** The user has seen this message and all before it. */
  read(message_id) {
    if (message_id <= this.#readUpto) return;
    this.#readUpto = message_id;
    this.tell({ action: "read", message_id });
  }

  /** Asks for the page before the oldest message we have. */
  older(limit = 50) {
    if (this.state !== "open" || !this.hasMore || this.loadingOlder) return;
    this.loadingOlder = true;
    this.#askHistory("older", this.#oldest(), limit);
  }

  /** Loads what lies between, until the message is there; whether it is. */
  async reach(message_id) {
    const isComing = () => this.state === "connecting" || this.state === "waiting";
    while (!this.messages.has(message_id)) {
      const isOlder = this.hasMore && message_id < this.#oldest();
      if (!isComing() && !(this.state === "open" && isOlder)) return false;
      const turn = new Promise((turned) => this.addEventListener("turn", turned, { once: true }));
      this.older(100);
      await turn;
    }
    return true;
  }

  /** Asks for one message again: links to files expire, and history hands out fresh ones. */
  refresh(message_id) {
    this.#askHistory("again", message_id + 1, 1);
  }

  open() {
    this.#leaving = false;
    super.open();
  }

  /** Turns away from the room once all is said; `open` comes back to it with the same cursor. */
  leave() {
    this.#leaving = true;
    if (!this.outgoing.length) this.close();
  }

  // ------------------------------------------------------------ the line

  address() {
    return this.site.socketUrl(this.id, this.#cursor, this.#epoch);
  }

  become(state) {
    super.become(state);
    this.emit("turn");
  }

  dropped() {
    for (const offer of this.#offers.values()) offer.reject(new Lost());
    this.#offers.clear();
    this.#pages = [];
    this.loadingOlder = false;
    for (const user of this.typists.keys()) this.#stopsTyping(user);
  }

  // ------------------------------------------------------------ what the server says

  hear(frame) {
    if (frame.version > this.#cursor) this.#cursor = frame.version;
    switch (frame.type) {
      case "sync":
        this.#sync(frame);
        break;
      case "chat_message":
        this.#stopsTyping(String(frame.message.sender_id));
        this.#put(frame.message);
        this.emit("arrived", frame.message);
        break;
      case "message_edited":
        this.#put(frame.message);
        this.#confirm((item) => item.message_id === frame.message_id && item.text === frame.text);
        break;
      case "message_reacted":
        this.#react(frame);
        break;
      case "message_deleted":
        this.#remove(frame.message_id);
        break;
      case "receipt":
        this.receipts.set(String(frame.user_id), frame);
        break;
      case "history":
        this.#page(frame);
        break;
      case "presigned_url":
        this.#offers.get(frame.client_id)?.resolve(frame);
        break;
      case "error":
        this.#refused(frame);
        break;
      case "typing":
        return this.#types(String(frame.user_id));
      case "presence":
        return this.emit("presence", frame);
      case "room_changed":
        return this.emit("regrouped");
      default:
        return; // a pong, or something newer than this page
    }
    this.emit("change", frame);
    if (frame.type === "history" || frame.action === "history") this.emit("turn");
  }

  #react({ message_id, reactions, version }) {
    const message = this.messages.get(message_id);
    if (message) this.#put({ ...message, reactions, version });
    const isSaid = (item) => item.message_id === message_id && item.saidOn === this.socket;
    this.#confirm((item) => isReaction(item) && isSaid(item) && this.#isReacted(item));
  }

  /** Whether a reaction stands as it was wished. */
  #isReacted({ message_id, emoji, on }) {
    const found = this.messages.get(message_id)?.reactions?.find((one) => one.emoji === emoji);
    return Boolean(found?.user_ids.some((user) => String(user) === this.site.me)) === on;
  }

  #types(user) {
    clearTimeout(this.typists.get(user));
    this.typists.set(user, setTimeout(() => this.#stopsTyping(user), TYPED));
    this.emit("typing");
  }

  #stopsTyping(user) {
    clearTimeout(this.typists.get(user));
    if (this.typists.delete(user)) this.emit("typing");
  }

  /** The first frame: all that changed since the cursor, or (`reset`) the newest of a fresh start. */
  #sync(frame) {
    if (frame.reset) {
      this.messages.clear();
      this.hasMore = frame.messages.length > 0; // asking for older ones tells
      this.#cursor = frame.version;
    }
    this.#epoch = frame.epoch;
    this.receipts = new Map(frame.receipts.map((receipt) => [String(receipt.user_id), receipt]));
    const oldest = this.#oldest();
    const fits = (message) => frame.reset || !this.hasMore || message.message_id >= oldest;
    for (const message of frame.messages) if (fits(message)) this.#put(message);
    for (const id of frame.deleted) this.#remove(id);
    const isEdited = (item) => this.messages.get(item.message_id)?.text === item.text;
    this.#confirm((item) => item.action === "edit" && isEdited(item));
    this.#confirm((item) => isReaction(item) && this.#isReacted(item));
    this.become("open");
    if (this.#readUpto) this.tell({ action: "read", message_id: this.#readUpto });
    this.#pump();
  }

  #put(message) {
    this.messages.set(message.message_id, message);
    if (message.client_id) this.#confirm((item) => item.client_id === message.client_id);
  }

  #remove(message_id) {
    this.messages.delete(message_id);
    for (const message of this.messages.values()) {
      if (message.reply_to?.message_id === message_id) message.reply_to.text = null;
    }
    this.#confirm((item) => item.message_id === message_id);
  }

  #oldest() {
    return Math.min(...this.messages.keys(), Number.MAX_SAFE_INTEGER);
  }

  #askHistory(why, before, limit) {
    if (this.state !== "open") return;
    this.#pages.push(why);
    this.tell({ action: "history", before, limit });
  }

  #page(frame) {
    const why = this.#pages.shift();
    if (why === "older") this.hasMore = frame.has_more;
    if (why === "older") this.loadingOlder = false;
    for (const message of frame.messages) {
      if (why === "older" || this.messages.has(message.message_id)) this.#put(message);
    }
  }

  #refused(frame) {
    if (frame.action === "typing") return;
    const error = new Refused(frame.message, frame.code);
    if (this.#offers.has(frame.client_id)) return this.#offers.get(frame.client_id).reject(error);
    if (frame.action === "history" && this.#pages.shift() === "older") this.loadingOlder = false;
    const sends = (item) => frame.client_id !== undefined && item.client_id === frame.client_id;
    const changes = (item) => item.action === frame.action && item.message_id === frame.message_id;
    const item = this.outgoing.find((item) => sends(item) || changes(item));
    const isUnanswerable = item?.reply_to && item.reply_to === frame.message_id;
    this.#giveBack(item, isUnanswerable ? new Refused(UNANSWERABLE, "unanswerable") : error);
  }

  // ------------------------------------------------------------ what we say

  #say(item) {
    this.outgoing.push(item);
    this.emit("change");
    this.#pump();
  }

  #confirm(isDone) {
    this.outgoing = this.outgoing.filter((item) => !isDone(item));
    if (this.#leaving && !this.outgoing.length) this.close();
  }

  #giveBack(item, error) {
    this.#confirm((other) => other === item);
    const gone = error.code === "not_found" && item && item.action !== "edit";
    if (!gone) this.emit("refused", { item, error }); // gone: it was deleted, which is no news
  }

  /** Says what is outgoing, in order, once on each line; a new line says again what isn't confirmed. */
  async #pump() {
    const socket = this.socket;
    if (this.state !== "open" || this.#pumping === socket) return;
    this.#pumping = socket;
    const next = () => this.outgoing.find((item) => item.saidOn !== socket);
    for (let item = next(); item && socket === this.socket; item = next()) {
      try {
        const frame = JSON.stringify(await this.#frameOf(item));
        if (socket !== this.socket) return;
        item.saidOn = socket;
        socket.send(frame);
      } catch (error) {
        if (error instanceof Lost) return;
        this.#giveBack(item, error);
        this.emit("change");
      }
    }
    if (this.#pumping === socket) this.#pumping = null;
  }

  async #frameOf(item) {
    const { action, message_id, text, emoji, on, client_id, reply_to } = item;
    if (action !== "send") return { action, message_id, text, emoji, on };
    const files = [];
    for (const file of item.files) files.push(await this.#fileOf(item, file));
    if (files.length === 1 && files[0].file_path) {
      const { file_path } = files[0];
      return { action: "file_uploaded", file_path, message: text, client_id, reply_to };
    }
    return { action, message: text, client_id, reply_to, ...(files.length && { files }) };
  }

  async #fileOf(item, file) {
    const about = { name: file.name, size: file.size, type: file.type || "application/octet-stream" };
    if (file.size <= INLINE) return { ...about, data: await dataUrlOf(file) };
    if (!item.paths.has(file)) item.paths.set(file, await this.#upload(item, file, about));
    return { file_path: item.paths.get(file) };
  }

  async #upload(item, file, about) {
    const client_id = newId();
    const offered = new Promise((resolve, reject) => this.#offers.set(client_id, { resolve, reject }));
    this.tell({ action: "send", message: "", file: about, client_id });
    const offer = await offered.finally(() => this.#offers.delete(client_id));
    await put(file, offer, (share) => {
      item.progress = share;
      this.emit("change");
    });
    item.progress = null;
    return offer.file_path;
  }
}

const isReaction = ({ action }) => action === "react";

/** PUTs the bytes; XMLHttpRequest, because fetch can't tell how far it is. */
function put(file, offer, onProgress) {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Refused(`${file.name} could not be uploaded. Try again.`));
    const request = new XMLHttpRequest();
    request.open("PUT", offer.presigned_url);
    for (const [name, value] of Object.entries(offer.headers ?? {})) {
      if (!/^(host|content-length)$/i.test(name)) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? resolve() : failed());
    request.onerror = failed;
    request.send(file);
  });
}

function dataUrlOf(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refused(`${file.name} could not be read.`));
    reader.readAsDataURL(file);
  });
}

/** randomUUID is there on https and localhost only. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
