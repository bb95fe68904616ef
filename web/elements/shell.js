/** What stands around a list or a conversation: menu, dialog, limits, blocks, and the room shown. */

import { loadModule } from "../sdk/loading.js";
import { h } from "./dom.js";
import { sheetOf } from "./sheets.js";
import { baseStyle } from "./style-base.js";
import { chatStyle } from "./style-chat.js";

const STYLED = new Set(["theme", "density"]); // attributes that style sheets read
const DRAWN = new Set(["quickReplies", "actions", "renderers", "linkPolicy", "beforeSend"]); // a framework may set these with each rendering

/** Extended by the views of `<roomcast-inbox>` and `<roomcast-chat>`. */
export class Shell {
  /** @type {any} */
  config = {};
  /** Of messages and files. @type {any} */
  limits = {};
  /** @type {any} */
  open = null; // the conversation shown
  #blocked = new Set();
  /** @type {Promise<void> | null} */
  #learning = null;
  /** @type {Promise<any> | null} */
  #more = null;
  /** @type {(() => void)[]} */
  off = [];
  /** @type {any} */
  list = null; // of an inbox

  /** @param {any} host the element @param {any} chat the chat of the SDK */
  constructor(host, chat) {
    this.host = host;
    this.chat = chat;
    this.words = host.words;
    host.root.adoptedStyleSheets = [baseStyle, chatStyle].map(sheetOf);
    this.frame = h("div", { className: "frame", lang: this.words.tag, dir: directionOf(host) });
    host.root.replaceChildren(this.frame);
    for (const name of ["dragover", "drop"]) this.frame.addEventListener(name, (event) => keepPage(/** @type {DragEvent} */ (event)));
    this.frame.addEventListener("pointermove", () => this.more().catch(() => {}), { once: true }); // there before it is used, or then
    this.off.push(chat.on("message", (/** @type {any} */ detail) => this.#heard(detail)));
  }

  /** Limits and blocks: needed once something is written, so they are asked for after the first messages. */
  learn() {
    return (this.#learning ??= this.#learn());
  }

  async #learn() {
    const missing = () => void (this.#learning = null); // asked for again later; the server checks what is sent
    const [config, blocks] = await Promise.all([this.chat.config().catch(missing), this.chat.blocks().catch(missing)]);
    if (config) {
      this.config = config;
      this.limits = { ...config.limits, ...config.attachments };
    }
    if (blocks) this.#blocked = new Set(blocks.map((/** @type {any} */ one) => String(one.user_id)));
    if (!config || !blocks) return;
    this.learned();
    this.open?.composer?.learned();
    this.open?.render();
  }

  learned() {}

  /** Menus and dialogs. @returns {Promise<any>} */
  more() {
    this.#more ??= loadModule(() => import("./lazy-more.js")).then(({ openMore }) => openMore(this));
    this.#more.catch(() => (this.#more = null)); // the next use tries again
    return this.#more;
  }

  /**
   * Does something with what is loaded with its first use; where it can't be loaded, it says so.
   * @template T
   * @param {Promise<T>} loading
   * @param {(loaded: T) => void} act
   */
  use(loading, act) {
    return loading.then(act, () => (this.open ?? this.list)?.notice(this.words.say("offline"), true));
  }

  destroy() {
    this.open?.destroy();
    this.open = null;
    for (const off of this.off) off();
  }

  /** @param {{ room_id: number }} detail */
  #heard(detail) {
    this.host.emit("message", { room: detail.room_id, message: /** @type {any} */ (detail).message ?? detail });
  }

  /** The id of the room shown. @returns {number | null} */
  get current() {
    return this.open?.model.id ?? null;
  }

  /** What the list knows of a room. @param {number | null} id */
  item(id) {
    return this.chat.inbox.snapshot.rooms.find((/** @type {any} */ room) => room.room_id === id);
  }

  /** @param {number} id */
  isTypingIn(id) {
    return id === this.current && this.open.model.snapshot.typing.length > 0;
  }

  // ------------------------------------------------------------ blocking

  /** @param {unknown} user */
  isBlocked(user) {
    return this.#blocked.has(String(user));
  }

  /** @param {unknown} user @param {boolean} on */
  async block(user, on) {
    await (on ? this.chat.block(user) : this.chat.unblock(user));
    this.#blocked[on ? "add" : "delete"](String(user));
  }

  // ------------------------------------------------------------ what a site calls

  /** Sends without the composer. @param {string | { text?: string, files?: File[], data?: object }} draft */
  send(draft) {
    if (!this.open) throw new Error("no conversation is open");
    return this.open.sendText(draft);
  }

  /** Puts text into the composer. @param {string} text */
  insert(text) {
    this.open?.compose((/** @type {any} */ composer) => composer.insert(text));
  }

  focusComposer() {
    this.open?.focus();
  }

  /** Searches the messages of the conversation; an inbox searches all. @param {string} words */
  find(words) {
    return this.open?.find(words);
  }

  /** An attribute or a property of the element was changed. @param {string} name @param {any} value */
  changed(name, value) {
    if (STYLED.has(name)) return;
    if (DRAWN.has(name)) this.redraw();
    else this.host.rebuild();
  }

  /** Draws again what a site's functions decide; nobody is moved, and nothing that is written is lost. */
  redraw() {
    this.open?.redraw();
  }
}

/** A file dropped beside the conversation would replace the page. @param {DragEvent} event */
function keepPage(event) {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}

/** The direction where the element itself decides it; null: inherited. @param {HTMLElement} host */
function directionOf(host) {
  return host.dir || (host.lang && (/^(ar|fa|he|ur|yi|ps|sd|ug|dv|ckb)\b/i.test(host.lang) ? "rtl" : "ltr")) || null;
}
