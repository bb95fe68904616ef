/** One message in the conversation: made once, then only what changed is changed. */

import { arrange, avatar, bdi, colourOf, h, hasFeature, iconButton, tickOf } from "./dom.js";
import { fileNodes, sendingNodes } from "./attachments.js";
import { isEmoji, textNodes } from "./text.js";
import { isSame, nameOf, memberOf, summaryOf } from "./people.js";

const LONG = 1_500; // characters, or
const TALL = 22; // lines, above which a text is folded

const TIME_FITS = 140; // pixels that a picture must be wide for the time to stand on it
const TALLEST = 352; // pixels, as in its style

/** Whether a picture is shown so wide that the time can stand on it. @param {any} file */
function isWide(file) {
  return file?.width >= TIME_FITS && file.height >= 60 && (file.width / file.height) * TALLEST >= TIME_FITS;
}

export class MessageRow {
  /** @type {any} */
  message = null;
  #shown = new Map();

  /** @param {any} history the view that the row stands in */
  constructor(history) {
    this.history = history;
    this.author = bdi("", { part: "author" });
    this.quote = h("div", { className: "quote-place" });
    this.files = h("div", { part: "files" });
    this.text = h("span", { part: "text" });
    this.meta = h("span", { part: "meta" });
    this.body = h("div", { className: "body" }, this.text, this.meta);
    this.extra = h("div", { className: "extra" });
    this.bubble = h("div", { part: "bubble" }, this.author, this.quote, this.files, this.body, this.extra);
    this.reactions = h("div", { part: "reactions" });
    this.below = h("div", { className: "below" });
    this.tools = h("div", { className: "tools" });
    this.box = h("article", { part: "message", tabIndex: -1 }, this.bubble, this.reactions, this.below, this.tools);
    this.li = h("li", { className: "row" }, this.box);
    this.bubble.addEventListener("click", (event) => history.tapped(event, this));
  }

  /** @param {any} message a stored message or an outgoing one @param {boolean} joined to the one above */
  show(message, joined) {
    this.message = message;
    this.#once("kind", `${message.mine} ${message.kind}`, () => this.#showKind(message));
    this.li.classList.toggle("joined", joined);
    this.box.classList.toggle("going", message.pending === "delete");
    const { room, words, me } = this.history;
    const isGroup = room.members.length > 2;
    const name = nameOf(room, message.sender_id, words);
    const face = isGroup && !message.mine && message.kind !== "system";
    this.#once("author", [name, face && !joined, memberOf(room, message.sender_id)?.picture].join(), () => this.#showAuthor(name, face, joined));
    this.#once("text", message.text, () => this.#showText(message));
    const status = [message.status, message.updated_at !== message.created_at, message.pending, message.state].join();
    this.#once("meta", `${status} ${message.created_at}`, () => this.#showMeta(message));
    this.#once("files", this.#filesKey(message), () => this.#showFiles(message));
    const quoted = message.reply_to && [message.reply_to, nameOf(room, message.reply_to.sender_id, words)];
    this.#once("quote", JSON.stringify(quoted ?? null), () => this.#showQuote(message.reply_to));
    const names = room.members.map((/** @type {any} */ member) => member.name).join();
    this.#once("reactions", JSON.stringify([message.reactions, names, me]), () => this.#showReactions(message));
    this.#once("extra", JSON.stringify([message.actions, message.chosen, message.data, names]), () => this.#showExtra(message));
    this.#once("tools", `${message.message_id} ${message.kind}`, () => this.#showTools(message));
    this.#once("below", `${message.state} ${message.error?.code}`, () => this.#showState(message));
    this.#once("label", [name, message.text, message.created_at].join(), () => this.#label(name, message));
  }

  /** All of it is drawn again with the next rendering. */
  forget() {
    this.#shown.clear();
  }

  /** @param {string} part @param {unknown} value @param {() => void} change */
  #once(part, value, change) {
    if (this.#shown.has(part) && this.#shown.get(part) === value) return;
    this.#shown.set(part, value);
    change();
  }

  /** @param {any} message */
  #filesKey({ attachments, files, version, state }) {
    if (attachments) return attachments.map((/** @type {any} */ file) => file.file_url).join("\n");
    return `${files?.length} ${state} ${state === "uploading" ? version : ""}`;
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
    const { host } = this.history;
    const nodes = textNodes(text ?? "", {
      markdown: hasFeature(host, "markdown", false),
      policy: host.linkPolicy,
      onlink: (event) => host.emit("link", { url: /** @type {any} */ (event.currentTarget).href }, true) || event.preventDefault(),
    });
    this.text.replaceChildren(...nodes);
    this.text.hidden = !text;
    this.box.classList.toggle("large", isEmoji(text ?? ""));
    this.body.classList.toggle("folded", (text ?? "").length > LONG || (text ?? "").split("\n").length > TALL);
    this.#shown.delete("extra");
  }

  /** @param {any} message */
  #showMeta({ created_at, at, updated_at, mine, status, state, pending }) {
    const { words } = this.history;
    const date = new Date(created_at ?? at);
    const exactly = { dateTime: date.toISOString(), title: words.full(date) };
    const parts = /** @type {Node[]} */ ([h("time", { ...exactly, textContent: words.time(date) })]);
    if (updated_at && updated_at !== created_at) parts.unshift(h("span", {}, words.say("edited")));
    const isStored = !state && !pending;
    if (mine && state !== "refused") parts.push(tickOf(isStored ? (hasFeature(this.history.host, "receipts") ? status : "send") : "", words));
    this.meta.replaceChildren(...parts);
  }

  /** @param {any} message */
  #showFiles(message) {
    const nodes = message.attachments ? fileNodes(message, this.history) : sendingNodes(message, this.history);
    const pictures = nodes.filter((node) => node.getAttribute("part") === "picture").length;
    const isMedia = pictures > 0 && pictures === nodes.length;
    this.files.className = !isMedia ? "" : pictures === 1 ? "single" : `album ${pictures === 3 ? "three" : ""}`;
    this.box.classList.toggle("bare", isMedia && !message.text && (pictures > 1 || isWide(message.attachments?.[0])));
    this.files.hidden = !nodes.length;
    this.files.replaceChildren(...nodes);
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

  /** @param {any} message */
  #showReactions({ message_id, reactions = [] }) {
    const { words, room, me, host } = this.history;
    this.reactions.hidden = !reactions.length;
    const focused = /** @type {any} */ (this.history.focused());
    const chips = reactions.map((/** @type {any} */ { emoji, count, user_ids, mine }) => {
      const names = user_ids.map((/** @type {any} */ user) => (isSame(user, me) ? words.say("you") : nameOf(room, user, words)));
      const label = `${emoji} ${words.list(names)}`;
      const does = () => this.history.react(message_id, emoji, !mine);
      const about = { type: "button", part: "chip", tabIndex: -1, title: label, "aria-label": label, "data-emoji": emoji };
      const disabled = !hasFeature(host, "reactions") || !this.history.may("send");
      return h("button", { ...about, disabled, "aria-pressed": String(mine), onclick: does }, emoji, ` ${words.number(count)}`);
    });
    const stood = this.reactions.contains(focused) ? focused.dataset.emoji : null;
    this.reactions.replaceChildren(...chips);
    if (stood) (chips.find((/** @type {any} */ chip) => chip.dataset.emoji === stood) ?? this.box).focus();
  }

  /** Custom data, action buttons, and the unfolding of long texts. @param {any} message */
  #showExtra(message) {
    const nodes = [this.#unfold(), this.history.rendered(message), this.history.actionButtons(message)];
    this.extra.replaceChildren(...nodes.filter((node) => node !== null));
    this.extra.hidden = !this.extra.childNodes.length;
  }

  #unfold() {
    if (!this.body.classList.contains("folded")) return null;
    const open = (/** @type {any} */ event) => {
      this.body.classList.remove("folded");
      event.target.remove();
    };
    const about = { type: "button", className: "link-button", tabIndex: -1, onclick: open };
    return h("button", about, this.history.words.say("fold"));
  }

  /** @param {any} message */
  #showTools({ message_id, kind }) {
    const { words } = this.history;
    if (!message_id) return this.tools.replaceChildren();
    const tool = (/** @type {any} */ name, /** @type {string} */ label, /** @type {(event: Event) => void} */ does, more = {}) =>
      iconButton(name, label, does, { tabIndex: -1, ...more });
    const tools = [];
    if (kind !== "system" && this.history.may("send")) {
      tools.push(tool("reply", words.say("reply"), () => this.history.reply(message_id)));
    }
    const open = (/** @type {Event} */ event) => void this.history.openMenu(this, /** @type {any} */ (event.currentTarget));
    tools.push(tool("more", words.say("more"), open, { "aria-haspopup": "menu" }));
    this.tools.replaceChildren(...tools);
  }

  /** What became of a message that is not stored yet. @param {any} message */
  #showState(message) {
    const { words } = this.history;
    const isRefused = message.state === "refused";
    this.box.classList.toggle("failed", isRefused);
    if (!isRefused && message.state !== "retrying") return this.below.replaceChildren();
    const button = (/** @type {string} */ key, /** @type {() => void} */ onclick) =>
      h("button", { type: "button", className: "link-button", onclick }, words.say(key));
    const first = isRefused
      ? button("edit", () => this.history.takeBack(message))
      : button("now", () => message.retry());
    const reason = isRefused ? this.history.reason(message.error) : words.say("waiting");
    const line = h("p", { className: isRefused ? "state failed" : "state" }, reason, first, button("delete", () => message.cancel()));
    this.below.replaceChildren(line);
  }

  /** @param {string} name @param {any} message */
  #label(name, message) {
    const { words } = this.history;
    const who = message.kind === "system" ? "" : message.mine ? words.say("you") : name;
    const when = words.time(new Date(message.created_at ?? message.at));
    this.box.setAttribute("aria-label", [who, summaryOf(message, words), when].filter(Boolean).join(", "));
  }

  /** Whether Tab reaches what is in the message. @param {number} index */
  reach(index) {
    for (const stop of [this.box, ...this.box.querySelectorAll("a, button")]) /** @type {HTMLElement} */ (stop).tabIndex = index;
  }
}
