/** `<roomcast-badge>`: how much is unread, in the site's own menu; hidden at zero. */

import { RoomcastElement } from "./base.js";
import { stringsFor } from "./short-words.js";

const BADGE_STYLE = `
:host { display: inline-block; min-inline-size: 1.4em; padding: 0 .45em; border-radius: 1em; box-sizing: border-box;
  background: var(--roomcast-badge, var(--roomcast-accent, #0f766e)); font: 600 .8em/1.6 var(--roomcast-font, inherit); text-align: center;
  color: color(from var(--roomcast-badge, var(--roomcast-accent, #0f766e)) xyz-d65 clamp(0, (.179 - y) * 9999, .9505) clamp(0, (.179 - y) * 9999, 1) clamp(0, (.179 - y) * 9999, 1.089)); }
:host([hidden]) { display: none; }
@media (forced-colors: active) { :host { border: 1px solid; } }
`;
const MOST_SHOWN = 99;

export class RoomcastBadge extends RoomcastElement {
  #prefix = "";
  #rooms = /** @type {Set<number> | null} */ (null); // those of a context, once they are known

  static get observedAttributes() {
    return [...super.observedAttributes, "of", "title"];
  }

  joined() {
    this.hidden = true;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(BADGE_STYLE);
    this.root.adoptedStyleSheets = [sheet];
    const number = document.createElement("span");
    number.setAttribute("part", "badge");
    number.setAttribute("role", "img");
    this.root.replaceChildren(number);
    this.number = number;
    void this.#learn();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#prefixTitle(0);
  }

  /** @param {string} name @param {string | null} old @param {string | null} value */
  attributeChangedCallback(name, old, value) {
    super.attributeChangedCallback(name, old, value);
    if (this.isConnected && name === "of" && old !== value) void this.#learn();
  }

  /** What is counted: "total", the id of a room, or a context. */
  get of() {
    return this.getAttribute("of") || "total";
  }

  get unread() {
    const { total, rooms } = this.link?.unread ?? { total: 0, rooms: [] };
    if (this.of === "total") return total;
    const fits = (/** @type {{ room_id: number }} */ room) => String(room.room_id) === this.of || this.#rooms?.has(room.room_id);
    return rooms.filter(fits).reduce((sum, room) => sum + room.unread, 0);
  }

  /** Which rooms belong to a context. */
  async #learn() {
    this.#rooms = null;
    const of = this.of;
    if (of !== "total" && !/^\d+$/.test(of)) this.#rooms = (await this.link?.roomsAbout(of)) ?? null;
    this.#show();
  }

  counted() {
    super.counted();
    const { rooms } = this.link?.unread ?? { rooms: [] };
    const isNew = this.#rooms && rooms.some((room) => !this.#rooms?.has(room.room_id));
    if (isNew) void this.#learn();
    else this.#show();
  }

  #show() {
    const count = this.unread;
    const { number } = this;
    if (!number) return;
    this.hidden = count === 0;
    const format = new Intl.NumberFormat(this.language);
    number.textContent = count > MOST_SHOWN ? `${format.format(MOST_SHOWN)}+` : format.format(count);
    void stringsFor(this.language).then(({ plural }) => number.setAttribute("aria-label", plural("count", count)));
    this.#prefixTitle(count);
  }

  /** "(3) Title of the page" @param {number} count */
  #prefixTitle(count) {
    if (!this.hasAttribute("title") && !this.#prefix) return;
    const plain = document.title.startsWith(this.#prefix) ? document.title.slice(this.#prefix.length) : document.title;
    this.#prefix = count && this.hasAttribute("title") ? `(${count}) ` : "";
    document.title = this.#prefix + plain;
  }
}
