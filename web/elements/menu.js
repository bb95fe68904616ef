/** One menu for a view: a popover beside what opened it, worked with arrows, Enter and Escape. */

import { addDrawings, focusedIn, h, icon, isDrawn } from "./dom.js";
import { seenEnd } from "./keyboard.js";

addDrawings({
  close: "M6 6l12 12M18 6L6 18",
  reply: "M10 6l-6 5 6 5v-3.5c5 0 8 1.5 10 5 0-6-3.5-8.5-10-9V6",
  down: "M6 9l6 6 6-6",
  bell: "M6 17h12c-1.5-1.5-2-3-2-6a4 4 0 0 0-8 0c0 3-.5 4.5-2 6M10.5 20h3",
  box: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
  plus: "M12 5v14M5 12h14",
  lens: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M20 20l-4-4",
  group: "M9 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M3.5 19c0-3.5 2-5.5 5.5-5.5s5.5 2 5.5 5.500M16 5.5a3 3 0 0 1 0 5.5M17 13.500c2.3.6 3.5 2.5 3.5 5.5",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
  copy: "M9 9h11v11H9zM5.5 15H4V4h11v1.5",
  edit: "M4 20l1-4.5L16 4.5l3.5 3.5-11 11zM13.5 7l3.5 3.5",
  report: "M6 21V4h12l-2.5 4.5L18 13H6",
  delete: "M4 7h16M9.5 7V4h5v3M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5",
  block: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M6.5 6.5l11 11",
  leave: "M13 4H5v16h8M10 12h10M16.5 8.5L20 12l-3.5 3.5",
  day: "M4 6h16v14H4zM4 10.5h16M8.5 3.5v4M15.5 3.5v4",
});

/**
 * @typedef {{ id?: string, label: string, icon?: any, danger?: boolean, act: () => void }} MenuItem
 * @typedef {{ list: string[], chosen: string[], label: string, pick: (emoji: string) => void, more?: () => void }} EmojiRow
 */

export class Menu {
  /** @type {HTMLElement | null} */
  #opener = null;
  #place = new CSSStyleSheet();

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.box = h("div", { part: "menu", popover: "auto", role: "menu", tabIndex: -1 });
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("toggle", (event) => this.#toggled(event));
    root.adoptedStyleSheets.push(this.#place);
  }

  /**
   * @param {HTMLElement} opener
   * @param {MenuItem[]} items
   * @param {{ emoji?: EmojiRow, note?: string, point?: { x: number, y: number, height: number } }} [more]
   */
  open(opener, items, { emoji, note, point } = {}) {
    this.#opener = opener;
    const isIndented = items.some((item) => item.icon);
    const entries = items.map((item) => this.#entry(item, isIndented));
    const extra = note ? [h("p", { dir: "auto" }, note)] : [];
    this.box.replaceChildren(...(emoji ? [this.#emoji(emoji)] : []), ...entries, ...extra);
    this.box.setAttribute("aria-label", opener.getAttribute("aria-label") ?? "");
    this.box.showPopover();
    opener.setAttribute("aria-expanded", "true");
    this.#moveTo(point ?? opener.getBoundingClientRect());
    const first = /** @type {HTMLElement | null} */ (this.box.querySelector("[role^=menuitem]"));
    first?.focus();
  }

  close() {
    if (this.box.matches(":popover-open")) this.box.hidePopover();
  }

  /** @param {MenuItem} item @param {boolean} isIndented whether another one has a drawing */
  #entry({ label, icon: drawing, danger, act, id }, isIndented) {
    const does = () => {
      this.close();
      this.#opener?.focus(); // a dialog gives the focus back to what had it
      act();
    };
    const about = { type: "button", role: "menuitem", tabIndex: -1, className: danger ? "danger" : "" };
    const sign = isDrawn(drawing) ? icon(drawing) : (drawing || isIndented) && h("span", { className: "icon", "aria-hidden": "true" }, drawing);
    return h("button", { ...about, "data-id": id, onclick: does }, sign, h("span", {}, label));
  }

  /** @param {EmojiRow} row */
  #emoji({ list, chosen, label, pick, more }) {
    const buttons = list.map((emoji) => {
      const isOn = chosen.includes(emoji);
      const does = () => {
        this.close();
        pick(emoji);
      };
      const about = { type: "button", role: "menuitemcheckbox", "aria-checked": String(isOn), tabIndex: -1 };
      return h("button", { ...about, onclick: does }, emoji);
    });
    const open = () => {
      this.close();
      more?.();
    };
    const about = { type: "button", role: "menuitem", tabIndex: -1, "aria-label": label, title: label };
    if (more) buttons.push(h("button", { ...about, onclick: open }, icon("plus")));
    return h("div", { className: "emoji", role: "group", "aria-label": label }, ...buttons);
  }

  /** Keeps the menu inside the window. @param {{ x: number, y: number, width?: number, height?: number }} at */
  #moveTo({ x, y, width = 0, height = 0 }) {
    const { offsetWidth, offsetHeight } = this.box;
    const isRtl = getComputedStyle(this.box).direction === "rtl";
    const left = isRtl ? x : x + width - offsetWidth;
    const below = y + height + 4;
    const top = below + offsetHeight > seenEnd() ? Math.max(8, y - offsetHeight - 4) : below;
    const inside = Math.max(8, Math.min(left, innerWidth - offsetWidth - 8));
    this.#place.replaceSync(`[part=menu] { top: ${Math.round(top)}px; left: ${Math.round(inside)}px; }`);
  }

  /** @param {Event} event */
  #toggled(event) {
    if (/** @type {ToggleEvent} */ (event).newState === "open") return;
    this.#opener?.setAttribute("aria-expanded", "false");
    const focused = this.root.activeElement;
    if (!focused || focusedIn(this.box)) this.#opener?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const isRtl = getComputedStyle(this.box).direction === "rtl";
    const steps = { ArrowDown: 1, ArrowUp: -1, ArrowRight: isRtl ? -1 : 1, ArrowLeft: isRtl ? 1 : -1, Home: -999, End: 999 };
    const step = steps[/** @type {"Home"} */ (event.key)];
    if (event.key === "Escape") {
      event.preventDefault(); // Firefox and Safari would close a dialog around it instead
      event.stopPropagation();
    }
    if (event.key === "Escape" || event.key === "Tab") this.close();
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const stops = /** @type {HTMLElement[]} */ ([...this.box.querySelectorAll("[role^=menuitem]")]);
    const at = stops.indexOf(/** @type {HTMLElement} */ (this.root.activeElement));
    const next = Math.abs(step) > 1 ? Math.sign(step) * stops.length : at + step;
    stops[Math.max(0, Math.min(stops.length - 1, next))]?.focus();
  }
}
