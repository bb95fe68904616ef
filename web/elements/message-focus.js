/** The keyboard in the messages of one conversation: loaded after the first of them. */

import { focusedIn } from "./dom.js";

const STEPS = /** @type {Record<string, number>} */ ({ ArrowUp: -1, ArrowDown: 1, PageUp: -8, PageDown: 8, Home: -9999, End: 9999 });

/** One message is the one that Tab reaches; arrows move from one to the next. */
export class MessageFocus {
  /** @type {any} */
  #active = null;

  /** @param {any} extras of the messages */
  constructor(extras) {
    this.extras = extras;
    this.history = extras.history;
    this.history.scroller.tabIndex = -1; // Tab reaches a message from now on
    this.history.list.addEventListener("focusin", (/** @type {any} */ { target }) => this.#activate(target));
    this.history.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
  }

  /** There is always a message that Tab reaches, with all that was drawn in it. */
  render() {
    const { rows } = this.history;
    if (this.#active?.box.isConnected) this.#reach(0);
    else this.#activate(rows.at(-1)?.box);
  }

  /** @param {Element | undefined} within */
  #activate(within) {
    const li = within?.closest(".row");
    const row = li && this.history.rows.find((/** @type {any} */ each) => each.li === li);
    if (!row || row === this.#active) return;
    this.#reach(-1);
    this.#active = row;
    this.#reach(0);
  }

  /** Whether Tab reaches what is in the message. @param {number} index */
  #reach(index) {
    const { box } = this.#active ?? {};
    for (const stop of box ? [box, ...box.querySelectorAll("a, button")] : []) stop.tabIndex = index;
  }

  /** Arrows move between messages, Enter opens the menu of one, Escape leads back to the composer. @param {KeyboardEvent} event */
  #key(event) {
    const { history, extras } = this;
    const { rows, view } = history;
    const step = STEPS[event.key];
    const row = event.key === "Enter" && rows.find((/** @type {any} */ { box }) => box === event.target);
    if (event.key === "Escape") {
      event.preventDefault(); // or a dialog around the view would close
      event.stopPropagation();
      return extras.jumps.isUnderWay ? extras.jumps.stop() : view.focus();
    }
    if (!(step || row) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (row) return extras.openMenu(row, row.box);
    const at = rows.findIndex((/** @type {any} */ { li }) => li.contains(event.target));
    if (step > 0 && at === rows.length - 1) return view.focus();
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
    next?.box.focus();
    next?.li.scrollIntoView({ block: "nearest" });
  }

  /** A focused row that goes leaves the focus to its neighbour. @param {Set<Node>} kept */
  keep(kept) {
    const { list, view } = this.history;
    const li = focusedIn(list)?.closest(".row");
    if (!li || kept.has(li)) return;
    let next = /** @type {Element | null} */ (li);
    while (next && !kept.has(next)) next = next.previousElementSibling;
    const row = next ?? [...list.children].find((node) => kept.has(node));
    const box = /** @type {HTMLElement | null} */ (row?.querySelector("[part~=message]") ?? null);
    if (box) box.focus();
    else view.focus();
  }
}
