/** What a user can do with a message: answer, react, edit, delete, report, act, look at pictures. */

import { h } from "./dom.js";
import { radios } from "./dialog.js";
import { HistoryView } from "./history.js";
import { isSame, nameOf } from "./people.js";

const QUICK_EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const COMPLAINTS = ["spam", "abuse", "fraud", "other"];

export class MessageHistory extends HistoryView {
  #refreshed = new Set(); // messages whose links were asked for again

  /** Whether the user has a right in this room; unknown rights are left to the server. @param {string} right */
  may(right) {
    const { can, state, info } = this.snapshot;
    if (state === "ended" || info?.frozen) return false;
    return !can || can.includes(right);
  }

  /** @param {number} message_id */
  reply(message_id) {
    this.parts.composer.reply(message_id);
  }

  /** @param {number} message_id @param {string} emoji @param {boolean} on */
  react(message_id, emoji, on) {
    this.#try(this.model.react(message_id, emoji, on));
  }

  /** On a screen without a mouse a tap on the bubble opens the menu. @param {MouseEvent} event @param {any} row */
  tapped(event, row) {
    const isTouch = /** @type {any} */ (event).pointerType === "touch";
    const target = /** @type {Element} */ (event.target);
    if (!isTouch || target.closest("a, button") || String(getSelection())) return;
    this.openMenu(row, row.box, { x: event.clientX, y: event.clientY });
  }

  /** @param {any} row @param {HTMLElement} opener @param {{ x: number, y: number }} [point] */
  openMenu(row, opener, point) {
    const { message } = row;
    if (!message.message_id) return;
    const isPerson = message.kind !== "system";
    const reacts = isPerson && this.host.feature("reactions") && this.may("send");
    const emoji = reacts ? this.#emojiRow(message, opener) : undefined;
    this.menu.open(opener, this.#itemsFor(message), { emoji, note: this.#readers(message), point });
  }

  /** @param {any} message @param {HTMLElement} opener */
  #emojiRow(message, opener) {
    const chosen = message.reactions.filter((/** @type {any} */ one) => one.mine).map((/** @type {any} */ one) => one.emoji);
    const pick = (/** @type {string} */ one) => this.react(message.message_id, one, !chosen.includes(one));
    const more = () => this.parts.pickEmoji(opener, pick);
    return { list: QUICK_EMOJI, chosen, label: this.words.say("react"), pick, more };
  }

  /** @param {any} message */
  #itemsFor(message) {
    const { host, words } = this;
    const { message_id, mine, kind, text } = message;
    const isPerson = kind !== "system";
    const item = (/** @type {string} */ key, /** @type {() => void} */ act, more = {}) => ({ label: words.say(key), act, id: key, ...more });
    const items = [];
    if (isPerson && this.may("send")) items.push(item("reply", () => this.reply(message_id), { icon: "reply" }));
    if (text) items.push(item("copy", () => void navigator.clipboard?.writeText(text)));
    if (mine && isPerson && host.feature("edit") && this.may("send")) items.push(item("edit", () => this.parts.composer.edit(message)));
    for (const own of this.parts.siteActions("message", message)) items.push(own);
    if (!mine && isPerson && this.parts.reports()) items.push(item("report", () => void this.#report(message_id)));
    if (mine && isPerson && host.feature("delete")) {
      items.push(item("delete", () => void this.remove(message_id), { danger: true }));
    }
    return items;
  }

  /** In a group: who has read one's own message. @param {any} message */
  #readers({ mine, message_id }) {
    if (!mine || this.room.members.length < 3 || !this.host.feature("receipts")) return "";
    const read = this.snapshot.readBy.filter((/** @type {any} */ one) => one.read >= message_id && !isSame(one.user_id, this.me));
    const names = read.map((/** @type {any} */ one) => nameOf(this.room, one.user_id, this.words));
    return names.length ? this.words.say("readBy", { names: this.words.list(names) }) : "";
  }

  /** Asks, then deletes. @param {number} message_id */
  async remove(message_id) {
    const { words } = this;
    if (await this.parts.dialog.confirm(words.say("askDelete"), words.say("delete"))) this.#try(this.model.delete(message_id));
  }

  /** @param {number} message_id */
  async #report(message_id) {
    const { words } = this;
    const text = h("textarea", { className: "field", name: "text", rows: 2, placeholder: words.say("detail"), "aria-label": words.say("detail"), dir: "auto" });
    const reasons = radios("reason", COMPLAINTS.map((reason) => [reason, words.say(reason)]));
    const values = await this.parts.dialog.form(words.say("askReport"), [reasons, text], words.say("report"));
    if (!values) return;
    const sent = this.model.report(message_id, values.get("reason"), values.get("text") || undefined);
    this.#try(sent.then(() => this.parts.notice(words.say("thanks"))));
  }

  /** A refusal is told to the user in words. @param {Promise<any>} doing */
  #try(doing) {
    doing.catch((/** @type {any} */ error) => this.parts.notice(this.reason(error), true));
  }

  /** Puts a refused message back into the composer. @param {any} message */
  takeBack(message) {
    this.parts.composer.takeBack(message);
    message.cancel();
  }

  /** @param {any} error */
  reason(error) {
    return this.words.reason(error?.code, this.parts.limits());
  }

  /** Links to files expire; history hands out fresh ones. @param {number} message_id */
  linkBroken(message_id) {
    if (!message_id || this.#refreshed.has(message_id)) return;
    this.#refreshed.add(message_id);
    void this.model.refresh(message_id).catch(() => {}); // offline: the picture stays broken until the next visit
  }

  /** Opens the lightbox. @param {any[]} pictures @param {number} index @param {HTMLElement} from */
  async look(pictures, index, from) {
    if (!this.host.emit("file", { file: pictures[index] }, true)) return;
    const { openLightbox } = await import("./lazy-lightbox.js");
    openLightbox({ root: this.host.root, words: this.words, pictures, index, from });
  }

  /** What the site draws for custom data. @param {any} message */
  rendered(message) {
    const type = message.data?.type;
    const renderer = type && this.host.renderers?.[type];
    return renderer ? renderer(message, this.room) : null;
  }

  /** Buttons of a message of the site, or who has chosen one. @param {any} message */
  actionButtons(message) {
    if (message.chosen) return this.#chosen(message.chosen);
    if (!message.actions?.length) return null;
    const buttons = message.actions.map((/** @type {any} */ action) => {
      const look = action.style === "primary" ? "main" : action.style === "danger" ? "quiet danger" : "quiet";
      const does = (/** @type {any} */ event) => void this.#act(message, action, event.currentTarget);
      return h("button", { type: "button", className: look, tabIndex: -1, onclick: does }, h("bdi", {}, action.label));
    });
    return h("div", { className: "acts" }, ...buttons);
  }

  /** @param {{ id: string, label?: string, user_id: any }} chosen */
  #chosen({ id, label, user_id }) {
    const name = isSame(user_id, this.me) ? this.words.say("you") : nameOf(this.room, user_id, this.words);
    return h("p", { className: "state" }, h("bdi", {}, `${name}: ${label ?? id}`));
  }

  /** @param {any} message @param {any} action @param {HTMLButtonElement} button */
  async #act(message, action, button) {
    const { room } = this;
    if (action.url) {
      if (this.host.emit("link", { url: action.url }, true)) window.open(action.url, "_blank", "noopener");
      return;
    }
    this.host.emit("action", { id: action.id, params: action.params, message, room });
    button.disabled = true;
    await this.model.act(message.message_id, action.id, action.params).catch((/** @type {any} */ error) => {
      this.parts.notice(this.reason(error), true);
    });
    button.disabled = false;
  }
}
