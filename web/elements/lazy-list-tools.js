/** Search, keyboard, more rows and new conversations of the list: loaded once its first rows are on the screen. */

import { listRestEnglish, restEnglish } from "../lang/en.js";
import { addDrawings, focusedIn, hasFeature, icon, iconButton } from "./dom.js";
import { FoundMessages } from "./found-messages.js";
import { watchLanguage } from "./language-watch.js";
import { addSheet } from "./sheets.js";
import { listRestStyle } from "./style-listrest.js";
import { restStyle } from "./style-rest.js";

addDrawings({
  lens: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M20 20l-4-4",
  plus: "M12 5v14M5 12h14",
});

const NEAR_END = 600; // pixels from the end of the list at which more is loaded
const PATIENCE = 250; // ms after the last key in which a search begins

export class ListTools {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** The row that Tab leads to. @type {Element | null} */
  #stop = null;
  #count = -1; // of the rooms that were shown last

  /** @param {any} list the view of the list */
  constructor(list) {
    this.list = list;
    for (const style of [restStyle, listRestStyle]) addSheet(list.host.root, style);
    watchLanguage(list.host.link);
    const { shell, words } = list;
    for (const strings of [restEnglish, listRestEnglish]) words.learn(strings);
    this.found = new FoundMessages(list);
    list.rows.append(this.found.box);
    const startChat = () => void shell.use(shell.more(), (/** @type {any} */ kit) => kit.startChat());
    this.start = iconButton("plus", words.say("newChat"), startChat, { hidden: true });
    list.heading.after(this.start);
    list.field.prepend(icon("lens"));
    list.search.addEventListener("input", () => this.searched());
    if (list.search.value) this.searched(); // it was written before
    list.rows.addEventListener("scroll", () => this.#fill(), { passive: true });
    list.list.addEventListener("focusin", () => this.#activate());
    this.render();
  }

  render() {
    const { length } = this.list.inbox.snapshot.rooms;
    this.#activate();
    if (length !== this.#count) this.#fill(); // to measure costs a layout
    this.#count = length;
    this.#offerStart();
  }

  /** One can begin a conversation with somebody of those that there are, where the server and the site allow it. */
  #offerStart() {
    const { shell, host, inbox } = this.list;
    const { features } = shell.config;
    const canOpen = features && features.open_rooms !== false && hasFeature(host, "open");
    if (canOpen && inbox.snapshot.rooms.length) this.start.hidden = false;
  }

  #fill() {
    const { rows, inbox } = this.list;
    const { hasMore, loading } = inbox.snapshot;
    if (!hasMore || loading) return; // to measure costs more
    const { scrollTop, scrollHeight, clientHeight } = rows;
    if (!clientHeight || scrollHeight - scrollTop - clientHeight > NEAR_END) return;
    inbox.more().catch(() => {}); // the next scroll asks again
  }

  // ------------------------------------------------------------ searching

  /** @param {string} words */
  find(words) {
    this.list.search.value = words;
    this.searched(0);
  }

  searched(wait = PATIENCE) {
    const { list, found } = this;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      list.sought = list.search.value.trim();
      list.filters.hidden = Boolean(list.sought);
      found.search(list.sought);
      void list.applyFilter();
    }, wait);
  }

  /** @param {KeyboardEvent} event */
  searchKey(event) {
    if (event.key === "Escape" && this.list.search.value) {
      event.preventDefault(); // or a dialog around the list would close
      event.stopPropagation();
      this.find("");
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#stops()[0]?.focus();
    }
  }

  // ------------------------------------------------------------ the keyboard

  /** Tab leads to one row: the one that has or had the focus, else the first. */
  #activate() {
    const { list } = this.list;
    const items = [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[part=item]"))];
    const last = focusedIn(list) ?? this.#stop;
    this.#stop = items.find((item) => item === last) ?? items[0] ?? null;
    for (const item of items) item.tabIndex = item === this.#stop ? 0 : -1;
  }

  /** @returns {HTMLElement[]} */
  #stops() {
    return [...this.list.rows.querySelectorAll("[part=item], .result")];
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { list } = this;
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -9999, End: 9999, PageDown: 8, PageUp: -8 };
    const step = steps[/** @type {"Home"} */ (event.key)];
    if (!step || event.altKey) return;
    event.preventDefault();
    const stops = this.#stops();
    const at = stops.indexOf(/** @type {HTMLElement} */ (focusedIn(list.rows)));
    if (at === 0 && step === -1 && !list.field.hidden) return list.search.focus();
    stops[Math.max(0, Math.min(stops.length - 1, at + step))]?.focus();
  }

  /** Ctrl+K searches, Alt+arrows turn to the next room, Escape goes back. @param {KeyboardEvent} event @param {any} inbox */
  shortcut(event, inbox) {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (inbox.isNarrow && inbox.open) inbox.close();
      this.list.search.focus();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const next = this.#beside(inbox.current, event.key === "ArrowUp" ? -1 : 1);
      if (next) void inbox.select(next, { by: "user" });
    } else if (event.key === "Escape" && !event.defaultPrevented && inbox.open && inbox.isNarrow) {
      event.preventDefault(); // the launcher around stays open
      inbox.back();
    }
  }

  /** The room beside the open one. @param {number | null} current @param {number} step */
  #beside(current, step) {
    const ids = this.list.inbox.snapshot.rooms.map((/** @type {any} */ room) => room.room_id);
    const at = ids.indexOf(current);
    return ids[at < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, at + step))];
  }
}
