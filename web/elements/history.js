/** The messages of one room in the page, in their order, and where the reader is among them. */

import { afterPaint, arrange, h, icon } from "./dom.js";
import { MessageRow } from "./message-row.js";
import { below, MessageWindow } from "./message-window.js";
import { isSame } from "./people.js";
import { ScrollAnchor } from "./scroll-anchor.js";

const PAUSE = 5 * 60_000; // ms after which the next message of a person stands apart
const ROW = 40; // pixels: no row is lower, so that this many fill a window

export class MessageHistory {
  #rows = new Map();
  #days = new Map();
  window = new MessageWindow();
  leaving = new AbortController();
  isPlaced = false;
  isSettled = false; // the reader stands where they should: from now on what is seen is read
  isFilling = false;
  isBound = false; // for the newest messages, which could not be loaded yet: unsent ones stand below what is there
  /** @type {number} the message above which the line stands; 0: none */
  firstNew = 0;
  /** @type {any[]} */
  shown = [];
  /** @type {any} */
  notes = null; // loaded with the first group
  /** Files, buttons, tools of messages: loaded later. @type {any} */
  extras = null;
  /** @type {(extras: any) => void} */
  #enriched = () => {};
  /** The extras, once they are there. @type {Promise<any>} */
  enriched = new Promise((resolve) => (this.#enriched = resolve));

  /** @param {any} view of the conversation */
  constructor(view) {
    const { host, model, words } = view;
    this.host = host;
    this.model = model;
    this.words = words;
    this.view = view;
    const label = words.say("history");
    this.list = h("ol", { role: "list", "aria-label": label });
    this.scroller = h("div", { part: "messages", role: "region", "aria-label": label, tabIndex: 0 }, this.list);
    this.newLine = h("li", { part: "new-line" }, words.say("newLine"));
    this.spinner = h("div", { className: "spin", role: "progressbar", "aria-label": words.say("loading") });
    this.empty = h("div", { className: "empty" }, h("slot", { name: "empty" }, icon("chat"), h("p", {}, words.say("empty"))));
    this.anchor = new ScrollAnchor(this.scroller, this.list);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  get isOver() {
    return this.leaving.signal.aborted;
  }

  destroy() {
    this.leaving.abort();
    this.anchor.stop();
  }

  /** @param {any} Extras */
  enrich(Extras) {
    this.extras = new Extras(this);
    this.#enriched(this.extras);
    this.view.render();
  }

  get snapshot() {
    return this.model.snapshot;
  }

  /** What is known of the room, also before it was loaded. */
  get room() {
    const { id, info, with: partner } = this.snapshot;
    return info ?? this.view.shell.item(id) ?? { members: partner ? [partner] : [] };
  }

  get me() {
    return this.view.me;
  }

  focused() {
    return /** @type {ShadowRoot} */ (this.host.root).activeElement;
  }

  // ------------------------------------------------------------ what is shown

  render() {
    const { messages, outgoing, hasNewer, loaded, loading, state } = this.snapshot;
    this.scroller.setAttribute("aria-busy", String(loading === "around"));
    if (!this.isPlaced && loaded && state !== "connecting") return this.#open();
    this.extras?.reading.note();
    this.shown = this.window.slice(messages, this.anchor.atEnd);
    const isEnd = this.window.followsNewest && (!hasNewer || this.isBound);
    const views = [...this.shown, ...(isEnd ? outgoing.map((/** @type {any} */ item) => this.#unsent(item)) : [])];
    const nodes = this.#nodesOf(views);
    if (isEnd) nodes.push(...(this.extras?.reading.typingRow() ?? []));
    const kept = new Set(nodes);
    this.anchor.keepTo(kept);
    this.extras?.focus.keep(kept);
    arrange(this.list, nodes);
    const filler = loaded ? (views.length ? [] : [this.empty]) : state === "ended" ? [] : [this.spinner];
    arrange(this.scroller, loaded ? [...filler, this.list] : filler);
    this.anchor.restore();
    this.anchor.note();
    this.extras?.focus.render();
    this.#looked();
  }

  /** All messages are drawn again with the next rendering. */
  forget() {
    for (const row of this.#rows.values()) row.forget();
  }

  /** The first time: at the first unread message, or at the end. */
  #open() {
    this.isPlaced = true;
    const { firstUnread, mark } = this.snapshot;
    const id = firstUnread ?? 0;
    this.firstNew = id;
    const { wanted } = this.view;
    const isBefore = id && this.snapshot.messages[0]?.message_id === id && this.snapshot.hasOlder;
    if (!wanted && !isBefore) return this.#openFast();
    this.render();
    if (wanted) void this.jump(wanted).finally(() => this.#settle());
    else void this.#openAround(mark);
  }

  /** What fills the window is drawn first, all else in a moment. */
  #openFast() {
    const count = Math.ceil(innerHeight / ROW) || 1; // a frame that is hidden has no height
    this.isFilling = true;
    if (this.firstNew) this.#showNewLine(count);
    else {
      this.window.toLast(this.snapshot.messages, count);
      this.render();
      this.anchor.toEnd();
      this.#settle();
    }
    afterPaint(() => {
      this.isFilling = false;
      if (this.isOver) return;
      if (this.firstNew) this.window.around(this.snapshot.messages, this.firstNew);
      else if (this.window.followsNewest) this.window.toNewest();
      this.render();
    });
  }

  /** More is unread than was loaded: loads around what was read last. @param {number} mark */
  async #openAround(mark) {
    await this.model.around(mark).catch(() => false);
    const first = this.snapshot.messages.find((/** @type {any} */ one) => one.message_id > mark && !one.mine);
    if (first) this.firstNew = first.message_id;
    this.#showNewLine();
  }

  /** @param {number} [count] of messages below the line, at first */
  #showNewLine(count) {
    this.window.around(this.snapshot.messages, this.firstNew, count);
    this.anchor.atEnd = false;
    this.render();
    if (this.newLine.isConnected) this.anchor.showAt(this.newLine, 0.15);
    else this.anchor.toEnd();
    this.#settle();
    this.view.tools?.showPill();
  }

  #settle() {
    afterPaint(() => {
      this.isSettled = true;
      this.extras?.reading.seen();
    });
  }

  /** @param {any} item an outgoing message of the SDK */
  #unsent(item) {
    const quoted = item.replyTo && this.find(item.replyTo);
    const reply_to = item.replyTo && { message_id: item.replyTo, sender_id: quoted?.sender_id, text: quoted?.text ?? "" };
    return { ...item, reply_to, mine: true, sender_id: this.me, item };
  }

  /** @param {any[]} views */
  #nodesOf(views) {
    const rows = new Map();
    /** @type {Node[]} */
    const nodes = [...(this.notes?.below(0) ?? [])];
    /** @type {any} */
    let previous = null;
    for (const view of views) {
      const at = new Date(view.created_at ?? view.at);
      const day = at.toDateString();
      const isNew = view.message_id !== undefined && view.message_id === this.firstNew;
      if (day !== previous?.day) nodes.push(this.#dayLine(day, at));
      if (isNew) nodes.push(this.newLine);
      const isJoined = !isNew && this.#follows(previous, view, day, at);
      previous?.row.li.classList.toggle("continued", isJoined);
      const key = view.mine && view.client_id ? `c${view.client_id}` : `m${view.message_id}`;
      const row = this.#rows.get(key) ?? new MessageRow(this);
      row.show(view, isJoined);
      rows.set(key, row);
      nodes.push(row.li, ...(this.notes?.below(view.message_id) ?? []));
      previous = { view, day, at, row };
    }
    previous?.row.li.classList.remove("continued");
    this.#rows = rows;
    return nodes;
  }

  /** Whether a message continues the one before it. @param {any} previous @param {any} view @param {string} day @param {Date} at */
  #follows(previous, view, day, at) {
    if (!previous || previous.day !== day || view.kind === "system" || previous.view.kind === "system") return false;
    return isSame(previous.view.sender_id, view.sender_id) && at.getTime() - previous.at.getTime() < PAUSE;
  }

  /** @param {string} day @param {Date} date */
  #dayLine(day, date) {
    const found = this.#days.get(day) ?? h("li", { part: "day" });
    const label = this.words.day(date);
    if (found.textContent !== label) found.textContent = label;
    this.#days.set(day, found);
    return found;
  }

  // ------------------------------------------------------------ where the reader is

  #scrolled() {
    this.anchor.note();
    this.#looked();
  }

  /** What follows from where the reader is. */
  #looked() {
    this.extras?.reading.looked();
    this.view.tools?.showPill();
  }

  get atNewest() {
    return this.anchor.atEnd && this.window.followsNewest && !this.snapshot.hasNewer;
  }

  /** To the end, once what leads there is loaded. */
  async toNewest() {
    await (await this.enriched).reading.toNewest();
  }

  /** Goes to a message, also to one that has to be loaded first. @param {number} message_id @returns {Promise<boolean>} */
  async jump(message_id) {
    return (await this.enriched).jumps.to(message_id);
  }

  /** A loaded message. @param {number} message_id */
  find(message_id) {
    const { messages } = this.snapshot;
    const found = messages[below(messages, message_id)];
    return found?.message_id === message_id ? found : undefined;
  }

  /** @param {number} message_id */
  rowOf(message_id) {
    return this.rows.find((row) => row.message.message_id === message_id);
  }

  get rows() {
    return [...this.#rows.values()];
  }
}
