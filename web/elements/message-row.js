/** One message in the conversation: made once, then only what changed is changed. */

import { arrange, avatar, bdi, colourOf, h, hasFeature, tickOf } from "./dom.js";
import { isEmoji } from "./emoji-text.js";
import { isSame, nameOf, memberOf, summaryOf } from "./people.js";

const TIME_FITS = 8.75; // rem that a picture without a text must be wide for the time to stand on it
const LONG = 1_500; // characters, or
const TALL = 22; // lines, above which a text is folded

export class MessageRow {
  /** @type {any} */
  message = null;
  #shown = new Map();

  /** @param {any} history the view that the row stands in */
  constructor(history) {
    this.history = history;
    this.author = bdi("", { part: "author" });
    this.quote = h("div", { className: "quote-place" });
    this.files = h("div", { part: "files", hidden: true });
    this.text = h("span", { part: "text" });
    this.meta = h("span", { part: "meta" });
    this.body = h("div", { className: "body", dir: "auto" }, this.text, this.meta);
    this.bubble = h("div", { part: "bubble" }, this.author, this.quote, this.files, this.body);
    this.box = h("article", { part: "message", tabIndex: -1 }, this.bubble);
    this.li = h("li", { className: "row" }, this.box);
  }

  /** @param {any} message a stored message or an outgoing one @param {boolean} joined to the one above */
  show(message, joined) {
    this.message = message;
    this.once("kind", `${message.mine} ${message.kind}`, () => this.#showKind(message));
    this.li.classList.toggle("joined", joined);
    const { room, words } = this.history;
    const isGroup = room.members.length > 2;
    const name = nameOf(room, message.sender_id, words);
    const face = isGroup && !message.mine && message.kind !== "system";
    this.once("author", [name, face && !joined, memberOf(room, message.sender_id)?.picture].join(), () => this.#showAuthor(name, face, joined));
    this.once("text", message.text, () => this.#showText(message));
    const status = [message.status, message.updated_at !== message.created_at, message.pending, message.state].join();
    this.once("meta", `${status} ${message.created_at}`, () => this.#showMeta(message));
    const quoted = message.reply_to && [message.reply_to, nameOf(room, message.reply_to.sender_id, words)];
    this.once("quote", JSON.stringify(quoted ?? null), () => this.#showQuote(message.reply_to));
    if (this.history.extras) this.history.extras.show(this, message);
    else if (message.attachments?.length) this.once("place", "", () => this.#keepPlace(message.attachments, !message.text));
  }

  /** All of it is drawn again with the next rendering. */
  forget() {
    this.#shown.clear();
  }

  /** @param {string} part @param {unknown} value @param {() => void} change */
  once(part, value, change) {
    if (this.#shown.has(part) && this.#shown.get(part) === value) return;
    this.#shown.set(part, value);
    change();
  }

  /** @param {any} message */
  #showKind({ mine, kind }) {
    const whose = kind === "system" ? "system" : mine ? "mine" : "theirs";
    this.box.setAttribute("part", `message ${whose}`);
    this.li.className = `row ${whose}-row`;
  }

  /** @param {string} name @param {boolean} face @param {boolean} joined */
  #showAuthor(name, face, joined) {
    this.author.textContent = name;
    this.author.hidden = !face || joined;
    const { picture, user_id } = memberOf(this.history.room, this.message.sender_id) ?? {};
    this.author.className = `colour-${colourOf(String(user_id))}`;
    arrange(this.li, [...(face ? [avatar(name, picture, String(user_id))] : []), this.box]);
  }

  /** @param {any} message */
  #showText({ text }) {
    this.text.replaceChildren(text ?? "");
    this.text.hidden = !text;
    this.box.classList.toggle("large", isEmoji(text ?? ""));
    this.body.classList.toggle("folded", (text ?? "").length > LONG || (text ?? "").split("\n").length > TALL);
    this.#shown.delete("extra");
    this.#shown.delete("marks");
  }

  /** @param {any} message */
  #showMeta({ created_at, at, updated_at, mine, status, state, pending }) {
    const { words } = this.history;
    const date = new Date(created_at ?? at);
    const parts = /** @type {Node[]} */ ([h("time", { dateTime: date.toISOString(), textContent: words.time(date) })]);
    if (updated_at && updated_at !== created_at) parts.unshift(h("span", {}, words.say("edited")));
    const isStored = !state && !pending;
    if (mine && state !== "refused") parts.push(tickOf(isStored ? (hasFeature(this.history.host, "receipts") ? status : "send") : "", words));
    this.meta.replaceChildren(...parts);
  }

  /** @param {any} quote */
  #showQuote(quote) {
    if (!quote) return this.quote.replaceChildren();
    const { words, room, me } = this.history;
    const isGone = quote.text === null;
    const said = isGone ? words.say("gone") : summaryOf(quote.text ? quote : (this.history.find(quote.message_id) ?? quote), words);
    const name = isSame(quote.sender_id, me) ? words.say("you") : nameOf(room, quote.sender_id, words);
    const jump = () => this.history.jump(quote.message_id);
    const about = { type: "button", part: "quote", tabIndex: -1, disabled: isGone, onclick: jump };
    this.quote.replaceChildren(h("button", about, h("b", {}, bdi(name)), h("span", { dir: "auto" }, said)));
  }

  /** The room that files will take, until what draws them is there: nothing moves then. @param {any[]} files @param {boolean} isBare */
  #keepPlace(files, isBare) {
    const [{ width, height }, more] = files;
    const ratio = more ? (files[2] ? 1 : 2) : width / height;
    const inline = more ? 21 : Math.min(width / 16, 21, 22 * ratio);
    this.files.style.cssText = files.every((each) => each.width)
      ? `inline-size: ${inline}rem; max-inline-size: calc(100% + 1.1rem); aspect-ratio: ${ratio}; margin: -.22rem -.55rem ${isBare && inline >= TIME_FITS ? -1.3 : 0.3}rem`
      : `block-size: ${3 * files.length}rem`;
    this.files.hidden = false;
  }
}
