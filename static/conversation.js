/** The messages of one room on the page, in their order, and where the reader is among them. */

import { $, dayOf, h } from "./dom.js";
import { Row, previewOf } from "./row.js";

const NEAR = 80; // pixels from the newest message that still count as looking at it
const PAUSE = 5 * 60_000; // ms after which a person's next message stands apart

export class Conversation {
  #rows = new Map(); // key → Row; a message of one's own keeps its key when it is confirmed
  #oldest = 0;
  #unseen = 0; // arrived while the reader looks at older ones
  #atNewest = true;
  #refreshed = new Set(); // messages whose links were asked for again
  #active = null; // the row that Tab reaches
  #firstNew; // the message above which the line stands; 0: none
  #newLine = h("li", { className: "rule new", textContent: "New" });

  /**
   * `people` knows me, many, nameOf(user) and pictureOf(user); `actions` are reply(id), edit(id),
   * delete(id) and pick(id, button), which lets the user choose a reaction.
   */
  constructor(room, people, actions) {
    this.room = room;
    this.people = people;
    this.actions = actions;
    this.list = $("messages");
    this.scroller = $("scroller");
    this.leaving = new AbortController();
    this.list.replaceChildren();
    this.#listen();
    this.render();
  }

  #listen() {
    const { signal } = this.leaving;
    const on = (target, name, hear) => target.addEventListener(name, hear, { signal });
    on(this.room, "change", () => this.render());
    on(this.room, "arrived", ({ detail }) => this.#arrived(detail));
    on(this.scroller, "scroll", () => this.#scrolled());
    on(this.list, "keydown", (event) => this.#key(event));
    on(this.list, "focusin", (event) => this.#activate(event.target.closest("li")));
    on(document, "visibilitychange", () => this.#seen());
    on($("latest"), "click", () => this.toNewest());
    const resized = new ResizeObserver(() => this.#atNewest && this.toNewest());
    resized.observe(this.scroller);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  leave() {
    this.leaving.abort();
  }

  // ------------------------------------------------------------ what is shown

  render() {
    const before = { oldest: this.#oldest, height: this.scroller.scrollHeight };
    this.#findNew();
    const views = [...this.#stored(), ...this.#pending()];
    this.#place(views);
    this.#oldest = views[0]?.message_id ?? 0;
    if (this.#atNewest) this.toNewest();
    else if (this.#oldest < before.oldest) this.#keepPlace(before.height);
    this.#seen();
    this.#fill();
  }

  /** Older messages came above: what the reader looks at stays where it is. */
  #keepPlace(height) {
    this.scroller.scrollTop += this.scroller.scrollHeight - height;
  }

  *#stored() {
    for (const message of this.room.all()) {
      const change = this.room.changing(message);
      const mine = String(message.sender_id) === this.people.me;
      yield {
        ...message,
        key: mine && message.client_id ? `c${message.client_id}` : `m${message.message_id}`,
        mine,
        text: change?.text ?? message.text,
        at: new Date(message.created_at),
        edited: message.updated_at !== message.created_at,
        status: change ? "sending" : this.room.statusOf(message),
        quote: this.room.quoteIn(message),
        reactions: this.room.reactionsOf(message),
        going: change?.action === "delete",
        files: message.attachments.map((file) => ({
          url: file.file_url,
          name: file.file_name,
          type: file.content_type,
          size: file.size,
        })),
      };
    }
  }

  *#pending() {
    for (const item of this.room.outgoing.filter(({ action }) => action === "send")) {
      yield {
        ...item,
        key: `c${item.client_id}`,
        sender_id: this.people.me,
        mine: true,
        status: "sending",
        quote: this.#quoteOf(item.reply_to),
        reactions: [],
        files: item.files.map((file) => ({
          url: previewOf(file),
          name: file.name,
          type: file.type,
          size: file.size,
        })),
      };
    }
  }

  #quoteOf(message_id) {
    const { sender_id, text = null } = this.room.messages.get(message_id) ?? {};
    return message_id && { message_id, sender_id, text };
  }

  /** Puts the rows into the list in their order, with a line before each new day. */
  #place(views) {
    const rows = new Map();
    const nodes = [];
    let previous = null;
    for (const view of views) {
      const day = view.at.toDateString();
      const isNew = view.message_id && view.message_id === this.#firstNew;
      if (day !== previous?.at.toDateString()) nodes.push(this.#dayLine(day, view.at));
      if (isNew) nodes.push(this.#newLine);
      const joined =
        day === previous?.at.toDateString() &&
        !isNew &&
        String(view.sender_id) === String(previous.sender_id) &&
        view.at - previous.at < PAUSE;
      const row = this.#rows.get(view.key) ?? new Row(view, this);
      row.show(view, joined);
      rows.set(view.key, row);
      nodes.push(row.li);
      previous = view;
    }
    this.#rows = rows;
    this.#order(nodes);
    if (!this.#active?.isConnected) this.#activate(nodes.at(-1));
  }

  #order(nodes) {
    const kept = new Set(nodes);
    for (const node of [...this.list.children]) if (!kept.has(node)) this.#takeOut(node);
    nodes.forEach((node, i) => {
      if (this.list.children[i] !== node) this.list.insertBefore(node, this.list.children[i] ?? null);
    });
  }

  /** Takes a row out; who stood on it with the keyboard stands on its neighbour, not nowhere. */
  #takeOut(node) {
    const stands = node.contains(document.activeElement);
    const next = neighbour(node, -1) ?? neighbour(node, 1) ?? $("text");
    node.remove();
    if (stands) next.focus();
  }

  #dayLine(day, date) {
    const found = this.list.querySelector(`[data-day="${day}"]`);
    return found ?? h("li", { className: "rule day", "data-day": day, textContent: dayOf(date) });
  }

  /** Above what came unread since one's own last word; it stays till the room is left. */
  #findNew() {
    const { mark } = this.room;
    if (this.#firstNew !== undefined || mark === undefined) return;
    const all = this.room.all();
    const mine = all.findLastIndex(({ sender_id }) => String(sender_id) === this.people.me);
    const first = all.slice(mine + 1).find(({ message_id }) => message_id > mark);
    this.#firstNew = first?.message_id ?? 0;
  }

  linkBroken(message_id) {
    if (!message_id || this.#refreshed.has(message_id)) return;
    this.#refreshed.add(message_id);
    this.room.refresh(message_id);
  }

  // ------------------------------------------------------------ where the reader is

  toNewest() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#scrolled();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#atNewest = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#atNewest) this.#unseen = 0;
    const latest = $("latest");
    latest.hidden = this.#atNewest;
    latest.lastElementChild.textContent = this.#unseen ? `${this.#unseen} new` : "Newest";
    this.#seen();
    this.#fill();
  }

  /** Older messages, when the reader comes near the oldest we have, or there is room for more. */
  #fill() {
    if (this.scroller.scrollTop < 300) this.room.older();
  }

  /** Read is what stood before somebody's eyes: the page in sight, the newest message too. */
  #seen() {
    if (document.visibilityState !== "visible" || !this.#atNewest) return;
    const last = this.room.all().findLast((message) => String(message.sender_id) !== this.people.me);
    if (last) this.room.read(last.message_id);
  }

  #arrived(message) {
    const mine = String(message.sender_id) === this.people.me;
    if (!mine && !this.#atNewest) this.#unseen += 1;
  }

  /** Goes to a message, also to one that has to be loaded first; whether it is there. */
  async jump(message_id) {
    $("scroller").setAttribute("aria-busy", "true");
    const isThere = await this.room.reach(message_id);
    $("scroller").removeAttribute("aria-busy");
    const row = [...this.#rows.values()].find((each) => each.message_id === message_id);
    if (!row || this.leaving.signal.aborted) return isThere;
    this.#atNewest = false;
    row.li.scrollIntoView({ block: "center" });
    row.li.focus({ preventScroll: true });
    row.li.classList.remove("found");
    void row.li.offsetWidth; // else the same animation doesn't start again
    row.li.classList.add("found");
    return true;
  }

  // ------------------------------------------------------------ the keyboard

  #activate(li) {
    if (!li || li.classList.contains("rule") || li === this.#active) return;
    const reach = (row, index) => {
      for (const stop of [row, ...row.querySelectorAll("a, button")]) stop.tabIndex = index;
    };
    if (this.#active) reach(this.#active, -1);
    reach(li, 0);
    this.#active = li;
  }

  #key(event) {
    const li = event.target.closest("li");
    const steps = { ArrowUp: -1, ArrowDown: 1 };
    if (!(event.key in steps)) return;
    const next = neighbour(li, steps[event.key]);
    event.preventDefault();
    if (next) next.focus();
    else if (event.key === "ArrowDown") $("text").focus();
  }
}

/** The next message in a direction, past the lines that name days. */
function neighbour(li, step) {
  let next = li;
  do next = step < 0 ? next.previousElementSibling : next.nextElementSibling;
  while (next?.classList.contains("rule"));
  return next;
}
