/** `<roomcast-badge>`: how much is unread, in the site's own menu; hidden at zero. */

import { putSheet, RoomcastElement } from "./base.js";
import { countOf, sayShortly } from "./languages.js";
import { RETRY_AFTER } from "./session.js";
import { badgeStyle } from "./style-badge.js";

export class RoomcastBadge extends RoomcastElement {
  number = document.createElement("span");
  #prefix = "";
  #rooms = new Set(); // those about a context
  #asked = ""; // which rooms were known when it was asked which those are

  static get observedAttributes() {
    return [...super.observedAttributes, "of", "title"];
  }

  joined() {
    putSheet(this.root, badgeStyle);
    this.number.setAttribute("part", "badge");
    this.number.setAttribute("role", "img");
    this.root.replaceChildren(this.number);
    this.counted();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#prefixTitle(0);
  }

  /** @param {string} name @param {string | null} old @param {string | null} value */
  attributeChangedCallback(name, old, value) {
    super.attributeChangedCallback(name, old, value);
    if (this.link) this.counted();
  }

  get unread() {
    const { total, rooms } = this.link?.unread ?? { total: 0, rooms: [] };
    const of = this.getAttribute("of") ?? "total";
    if (of === "total") return total;
    const fits = (/** @type {{ room_id: number }} */ room) => String(room.room_id) === of || this.#rooms.has(room.room_id);
    return rooms.filter(fits).reduce((sum, room) => sum + room.unread, 0);
  }

  /** Which rooms are about a context, only the whole client knows. @param {string} context */
  async #learn(context) {
    const asked = this.#asked;
    const chat = await this.link?.whole();
    const found = await chat?.request("GET", "chat/receive/", { query: { context } }).catch(() => null);
    if (asked !== this.#asked) return; // it was asked again meanwhile
    if (!found) return void setTimeout(() => this.#again(asked), RETRY_AFTER);
    this.#rooms = new Set(found.results.map((/** @type {{ room_id: number }} */ room) => room.room_id));
    this.#show();
  }

  /** @param {string} asked */
  #again(asked) {
    if (asked !== this.#asked || !this.link) return;
    this.#asked = "";
    this.counted();
  }

  counted() {
    super.counted();
    const of = this.getAttribute("of") ?? "total";
    const known = [of, ...(this.link?.unread.rooms ?? []).map((room) => room.room_id).sort()].join();
    const isNew = known !== this.#asked;
    this.#asked = known;
    if (of !== "total" && !Number(of) && isNew) void this.#learn(of);
    this.#show();
  }

  #show() {
    const { number, unread } = this;
    this.hidden = !unread;
    number.textContent = unread > 99 ? "99+" : String(unread);
    sayShortly(this.language, (strings) => number.setAttribute("aria-label", countOf(strings, unread)));
    this.#prefixTitle(unread);
  }

  /** "(3) Title of the page" @param {number} count */
  #prefixTitle(count) {
    const plain = document.title.startsWith(this.#prefix) ? document.title.slice(this.#prefix.length) : document.title;
    this.#prefix = count && this.hasAttribute("title") ? `(${count}) ` : "";
    if (document.title !== this.#prefix + plain) document.title = this.#prefix + plain;
  }
}
