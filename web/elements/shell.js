/** What stands around a list or a conversation: menu, dialog, limits, blocks, and the room shown. */

import { h } from "./dom.js";
import { Dialog, field } from "./dialog.js";
import { Menu } from "./menu.js";
import { baseStyle } from "./style-base.js";
import { listStyle } from "./style-list.js";
import { chatStyle } from "./style-chat.js";
import { dialogStyle } from "./style-dialog.js";
import { isSame } from "./people.js";

/** @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/** A style sheet that all elements share. @param {string} css */
export function sheetOf(css) {
  const found = sheets.get(css) ?? new CSSStyleSheet();
  if (!sheets.has(css)) found.replaceSync(css);
  sheets.set(css, found);
  return found;
}

/** Extended by the views of `<roomcast-inbox>` and `<roomcast-chat>`. */
export class Shell {
  /** @type {any} */
  config = {};
  /** @type {any} */
  open = null; // the conversation shown
  #blocked = new Set();
  /** @type {(() => void)[]} */
  off = [];

  /** @param {any} host the element @param {any} chat the chat of the SDK */
  constructor(host, chat) {
    this.host = host;
    this.chat = chat;
    this.words = host.words;
    host.root.adoptedStyleSheets = [baseStyle, dialogStyle, listStyle, chatStyle].map(sheetOf);
    this.menu = new Menu(host.root);
    this.dialog = new Dialog(this.words);
    this.frame = h("div", { className: "frame", lang: this.words.tag, dir: host.direction || null });
    host.root.replaceChildren(this.frame, this.menu.box, this.dialog.box);
    for (const name of ["dragover", "drop"]) this.frame.addEventListener(name, (event) => keepPage(/** @type {DragEvent} */ (event)));
    this.off.push(chat.on("message", (/** @type {any} */ detail) => this.#heard(detail)));
    void this.#learn();
  }

  /** Limits and blocks: both are only needed once something is written. */
  async #learn() {
    const [config, blocks] = await Promise.all([
      this.chat.config().catch(() => ({})), // offline: the server checks what is sent
      this.chat.blocks().catch(() => []),
    ]);
    this.config = config;
    this.#blocked = new Set(blocks.map((/** @type {any} */ one) => String(one.user_id)));
    this.learned();
    this.open?.render();
  }

  learned() {}

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

  // ------------------------------------------------------------ blocking and choosing people

  /** @param {unknown} user */
  isBlocked(user) {
    return this.#blocked.has(String(user));
  }

  /** @param {unknown} user @param {boolean} on */
  async block(user, on) {
    await (on ? this.chat.block(user) : this.chat.unblock(user));
    this.#blocked[on ? "add" : "delete"](String(user));
  }

  /** A field for a person: names of those the user talks with, or an id. */
  personField() {
    const { words, host } = this;
    const known = new Map();
    for (const room of this.chat.inbox.snapshot.rooms) {
      for (const one of room.members) if (one.name && !isSame(one.user_id, host.user?.user_id)) known.set(one.name, one.user_id);
    }
    const list = h("datalist", { id: "people" }, ...[...known.keys()].map((name) => h("option", { value: name })));
    const input = field(words.say("person"), { name: "person", required: true, list: "people", autocomplete: "off" });
    return { input, list, chosen: () => known.get(input.value) ?? input.value.trim() };
  }

  /** @param {File[]} files @param {any} [draft] */
  sendByScript(files, draft = {}) {
    if (!this.open) throw new Error("no conversation is open");
    this.open.sendText({ ...draft, files });
  }

  /** An attribute or a property of the element was changed. @param {string} name @param {any} value */
  changed(name, value) {
    this.open?.render();
  }
}

/** A file dropped beside the conversation would replace the page. @param {DragEvent} event */
function keepPage(event) {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}
