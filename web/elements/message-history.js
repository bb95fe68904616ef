/** What a user can do with a message: answer, react, edit, delete, report, act, look at pictures. */

import { h } from "./dom.js";
import { HistoryView } from "./history.js";
import { isSame, nameOf } from "./people.js";

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
    this.attempt(this.model.react(message_id, emoji, on));
  }

  /** Enter on a message opens its menu. @param {KeyboardEvent} event */
  key(event) {
    const row = event.key === "Enter" && this.rows.find(({ box }) => box === event.target);
    if (!row) return super.key(event);
    event.preventDefault();
    void this.openMenu(row, row.box);
  }

  /** On a screen without a mouse a tap on the bubble opens the menu. @param {MouseEvent} event @param {any} row */
  tapped(event, row) {
    const isTouch = /** @type {any} */ (event).pointerType === "touch";
    const target = /** @type {Element} */ (event.target);
    if (!isTouch || target.closest("a, button") || String(getSelection())) return;
    const { top, height } = row.bubble.getBoundingClientRect();
    const isShort = height < innerHeight / 3; // the menu stands beside what it is for
    void this.openMenu(row, row.box, { x: event.clientX, y: isShort ? top : event.clientY, height: isShort ? height : 0 });
  }

  /** @param {any} row @param {HTMLElement} opener @param {{ x: number, y: number, height: number }} [point] */
  async openMenu(row, opener, point) {
    if (row.message.message_id) (await this.parts.more()).openMessageMenu(this, row, opener, point);
  }

  /** Asks, then deletes. @param {number} message_id */
  async remove(message_id) {
    const more = await this.parts.more();
    const agrees = await more.dialog.confirm(this.words.say("askDelete"), this.words.say("delete"));
    this.rowOf(message_id)?.box.focus(); // what had the focus is gone with the menu
    if (agrees) this.attempt(this.model.delete(message_id));
  }

  /** A refusal is told to the user in words. @param {Promise<any>} doing */
  attempt(doing) {
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
    try {
      const reply = await this.model.act(message.message_id, action.id, action.params);
      if (reply) this.parts.notice(reply);
    } catch (error) {
      this.parts.notice(this.reason(error), true);
    }
    button.disabled = false;
  }
}
