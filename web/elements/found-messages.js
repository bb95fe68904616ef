/** Messages that hold the words looked for: below the conversations that do, or in a dialog. */

import { bdi, h } from "./dom.js";
import { reasonOf } from "./later-words.js";
import { isSame, nameOf, titleOf } from "./people.js";
import { addSheet } from "./sheets.js";
import { foundStyle } from "./style-found.js";

export class FoundMessages {
  isShown = false;
  /** @type {AbortController | null} */
  #asking = null;

  /** @param {any} list what they are shown in: the list of conversations, or the search of one */
  constructor(list) {
    this.list = list;
    const { words } = list;
    addSheet(list.host.root, foundStyle);
    this.results = h("ul", { role: "list", "aria-label": words.say("found") });
    this.more = h("button", { type: "button", className: "quiet", hidden: true }, words.say("fold"));
    this.status = h("p", { className: "notice", role: "status" });
    this.box = h("div", { hidden: true }, h("h3", {}, words.say("found")), this.results, this.status, this.more);
  }

  stop() {
    this.#asking?.abort();
  }

  /** @param {string} words */
  search(words) {
    this.stop();
    this.box.hidden = !words;
    this.isShown = Boolean(words);
    this.results.replaceChildren();
    this.more.hidden = true;
    if (!words) return;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.status.textContent = this.list.words.say("loading");
    void this.#show(this.list.shell.chat.search(words, { room: this.list.room, signal }), words, signal);
  }

  /** @param {Promise<any>} asking @param {string} words @param {AbortSignal} signal */
  async #show(asking, words, signal) {
    try {
      const { results, next } = await asking;
      if (signal.aborted) return;
      this.results.append(...results.map((/** @type {any} */ message) => this.#row(message, words)));
      this.status.textContent = this.results.childNodes.length ? "" : this.list.words.say("nothing");
      this.more.hidden = !next;
      this.more.onclick = () => void this.#show(next(), words, signal);
    } catch (error) {
      if (!signal.aborted) this.status.textContent = reasonOf(this.list.words, /** @type {any} */ (error).code);
    }
  }

  /** @param {any} message @param {string} words */
  #row(message, words) {
    const { list } = this;
    const item = list.shell.item(message.room_id);
    const me = list.host.user?.user_id;
    const title = item && !list.room ? titleOf(item, me, list.words) : ""; // in one conversation the author is enough
    const author = isSame(message.sender_id, me) ? list.words.say("you") : item ? nameOf(item, message.sender_id, list.words) : "";
    const head = h("span", { className: "result-head" }, bdi(title || author), h("time", {}, list.words.brief(new Date(message.created_at))));
    const text = h("span", { className: "result-text" }, ...(title && author && author !== title ? [bdi(author), ": "] : []), h("bdi", {}, ...this.#marked(message.text ?? "", words)));
    const go = () => list.select(message.room_id, message.message_id);
    return h("li", {}, h("button", { type: "button", className: "result", onclick: go }, head, text));
  }

  /** A text with the words that were looked for marked, from shortly before the first of them. @param {string} text @param {string} words */
  #marked(text, words) {
    const each = words.split(/[^\p{L}\p{M}\p{N}]+/u).filter(Boolean);
    if (!each.length) return [text];
    const parts = text.split(new RegExp(`(${each.join("|")})`, "iu"));
    if (parts[0].length > 16 && parts.length > 1) parts[0] = `…${parts[0].slice(-14)}`;
    return parts.map((part, i) => (i % 2 ? h("mark", { textContent: part }) : part));
  }
}
