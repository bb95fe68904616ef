/** Where the reader goes in a conversation and what they have read: loaded after the first messages. */

import { loadModule } from "../sdk/loading.js";
import { h, hasFeature } from "./dom.js";
import { below, MOST, STEP } from "./message-window.js";
import { nameOf } from "./people.js";

const EDGE = 700; // pixels from an edge at which more is loaded

/** For the messages of one conversation. */
export class Reading {
  /** @type {Promise<void> | null} */
  #noting = null;
  #isLost = false; // the connection

  /** @param {any} history the messages */
  constructor(history) {
    this.history = history;
    this.typing = h("li", { className: "typing-row" });
    const { signal } = history.leaving;
    for (const name of ["focus", "scroll", "resize"]) addEventListener(name, () => this.seen(), { signal, passive: true });
    document.addEventListener("visibilitychange", () => history.render(), { signal });
  }

  /** What follows from where the reader is. */
  looked() {
    this.seen();
    void this.#fill();
  }

  /** Who writes, in words; "" where nobody does or it is not shown. */
  get typingText() {
    const { host, room, words, snapshot } = this.history;
    const { typing } = snapshot;
    if (!typing.length || !hasFeature(host, "typing")) return "";
    const names = typing.map((/** @type {any} */ user) => nameOf(room, user, words));
    return words.say(names.length > 1 ? "typeMany" : "types", { name: names[0], names: words.list(names) });
  }

  typingRow() {
    const text = this.typingText;
    this.typing.textContent = text;
    return text ? [this.typing] : [];
  }

  /** Who joins and leaves is said in groups. */
  note() {
    const { history } = this;
    const { info, messages, id, state, hasNewer } = history.snapshot;
    history.isBound &&= hasNewer && history.window.followsNewest;
    const isBack = this.#isLost && state === "open";
    this.#isLost = state !== "open";
    if (isBack && history.isBound) void this.toNewest();
    const last = messages.at(-1)?.message_id ?? 0;
    if (history.notes && info) history.notes.note(info.members, last);
    if (this.#noting || !id || !(info?.members.length > 2)) return;
    this.#noting = loadModule(() => import("./lazy-notes.js")).then(async ({ MemberNotes }) => {
      const notes = await MemberNotes.of(history);
      notes.note(info.members, last); // those of the beginning, whatever has changed meanwhile
      history.notes = notes;
      if (!history.isOver) history.render();
    }, () => void (this.#noting = null)); // the next rendering tries again
  }

  // ------------------------------------------------------------ loading more

  /** Loads and shows more when the reader nears an edge of what is there. */
  async #fill() {
    const { history } = this;
    const { scrollTop, scrollHeight, clientHeight } = history.scroller;
    if (history.isFilling || !history.isPlaced || !history.list.isConnected || !clientHeight) return;
    const { hasOlder, hasNewer } = history.snapshot;
    const goesUp = scrollTop < EDGE && (this.#hidden("up") || hasOlder);
    const goesDown = scrollHeight - scrollTop - clientHeight < EDGE && (this.#hidden("down") || hasNewer);
    if (!goesUp && !goesDown) return;
    history.isFilling = true;
    const before = history.shown.length;
    const more = this.#widen(goesUp, history.shown);
    if (!more) await this.#load(goesUp);
    history.isFilling = false;
    if (more || history.shown.length !== before) history.render();
  }

  /** Shows more of what is loaded; false when nothing is. @param {boolean} older @param {any[]} known what is shown */
  #widen(older, known) {
    const { window, snapshot } = this.history;
    const { messages } = snapshot;
    const nothing = older ? messages.length : 0; // is shown: from there
    const start = known.length ? below(messages, known[0].message_id) : nothing;
    const end = known.length ? below(messages, known[known.length - 1].message_id + 1) : nothing;
    const [from, to] = older ? [Math.max(0, start - STEP), end] : [start, Math.min(messages.length, end + STEP)];
    if (from === start && to === end) return false;
    window.show(messages, older ? from : Math.max(from, to - MOST), older ? Math.min(to, from + MOST) : to);
    return true;
  }

  /** @param {boolean} older */
  async #load(older) {
    const { history } = this;
    const known = history.shown;
    const isThere = await (older ? history.model.older() : history.model.newer()).then(
      () => true,
      () => false, // the connection is gone: the next scroll asks again
    );
    const isElsewhere = known.length && !history.find(known[0].message_id);
    if (!isThere || history.isOver || isElsewhere) return;
    this.#widen(older, known);
    history.render();
  }

  /** Whether loaded messages lie outside the window. @param {"up" | "down"} way */
  #hidden(way) {
    const { shown, snapshot, window } = this.history;
    const { messages } = snapshot;
    if (!shown.length) return messages.length > 0;
    if (way === "up") return messages[0]?.message_id !== shown[0].message_id;
    return !window.followsNewest; // else what is new is drawn with the next frame
  }

  // ------------------------------------------------------------ what was read

  /** Read is what stood on the screen of a window in use. */
  seen() {
    const { history } = this;
    if (!history.isSettled || document.visibilityState !== "visible" || !document.hasFocus()) return;
    const box = history.scroller.getBoundingClientRect();
    const top = Math.max(box.top, 0);
    const bottom = Math.min(box.bottom, innerHeight) + 8;
    if (bottom - top < 40) return;
    const last = history.rows.findLast((/** @type {any} */ row) => {
      const at = row.box.getBoundingClientRect();
      return row.message.message_id && at.height && (at.bottom <= bottom ? at.bottom > top : at.top < top);
    });
    const id = last && this.#newestOfOthers(last.message.message_id);
    if (id) history.model.read(id);
  }

  /** @param {number} upto */
  #newestOfOthers(upto) {
    return this.history.shown.findLast((/** @type {any} */ message) => !message.mine && message.message_id <= upto)?.message_id;
  }

  /** How many messages of others stand below what was read. */
  get fresh() {
    const { messages, mark, missed } = this.history.snapshot;
    if (mark === null) return missed;
    let count = missed;
    for (let i = messages.length; i-- && messages[i].message_id > mark; ) if (!messages[i].mine) count += 1;
    return count;
  }

  // ------------------------------------------------------------ going somewhere

  async toNewest() {
    const { history } = this;
    history.extras.jumps.stop();
    if (history.snapshot.hasNewer) history.isBound = !(await history.model.latest().then(() => true, () => false));
    history.window.toNewest();
    history.anchor.atEnd = true;
    history.render();
    history.anchor.toEnd();
  }

  /** @param {number} message_id @param {number} share of the height above it */
  show(message_id, share) {
    const { history } = this;
    const { isFilling } = history;
    history.isBound = false;
    history.isFilling = true; // fewer rows stand at their end for a moment, which loads nothing
    history.window.around(history.snapshot.messages, message_id);
    history.anchor.atEnd = false;
    history.render();
    const row = history.rowOf(message_id);
    if (row) history.anchor.showAt(row.li, share);
    history.isFilling = isFilling;
    this.looked();
    history.view.tools.showPill();
  }
}
