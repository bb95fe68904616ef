/** The messages of one room on the page: rows that are made once and then only changed. */

import { $, avatar, dayOf, fileWords, h, icon, isLink, linked, timeOf } from "./dom.js";

const NEAR = 80; // pixels from the newest message that still count as looking at it
const PAUSE = 5 * 60_000; // ms after which a person's next message stands apart
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const STATUS = {
  sending: ["clock", "Sending"],
  send: ["tick", "Sent"],
  delivered: ["ticks", "Delivered"],
  read: ["ticks", "Read"],
};

export class Conversation {
  #rows = new Map(); // key → Row; a message of one's own keeps its key when it is confirmed
  #oldest = 0;
  #unseen = 0; // arrived while the reader looks at older ones
  #atNewest = true;
  #refreshed = new Set(); // messages whose links were asked for again
  #active = null; // the row that Tab reaches

  /** `people` knows me, nameOf(user) and pictureOf(user); `actions` are edit(id) and delete(id). */
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
        files: item.files.map((file) => ({
          url: previewOf(file),
          name: file.name,
          type: file.type,
          size: file.size,
        })),
      };
    }
  }

  /** Puts the rows into the list in their order, with a line before each new day. */
  #place(views) {
    const rows = new Map();
    const nodes = [];
    let previous = null;
    for (const view of views) {
      const day = view.at.toDateString();
      if (day !== previous?.at.toDateString()) nodes.push(this.#dayLine(day, view.at));
      const joined =
        day === previous?.at.toDateString() &&
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
    return found ?? h("li", { className: "day", "data-day": day, textContent: dayOf(date) });
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

  // ------------------------------------------------------------ the keyboard

  #activate(li) {
    if (!li || li.classList.contains("day") || li === this.#active) return;
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
  while (next?.classList.contains("day"));
  return next;
}

class Row {
  #shown = {};

  constructor(view, conversation) {
    this.conversation = conversation;
    this.author = h("span", { className: "author" });
    this.text = h("p", { className: "text", dir: "auto" });
    this.files = h("div", { className: "files" });
    this.progress = h("progress", { max: 1, hidden: true, "aria-label": "Upload" });
    this.meta = h("p", { className: "meta" });
    this.tools = h("div", { className: "tools" });
    const words = h("div", { className: "words" }, this.text, this.meta);
    const parts = [this.author, this.progress, this.files, words];
    const bubble = h("div", { className: "bubble" }, ...parts);
    this.face = h("div", { className: "face" });
    this.li = h("li", { className: "message", tabIndex: -1 }, this.face, bubble, this.tools);
    this.li.classList.toggle("mine", view.mine);
  }

  show(view, joined) {
    this.li.classList.toggle("joined", joined);
    this.li.classList.toggle("going", Boolean(view.going));
    this.progress.hidden = view.progress == null;
    if (view.progress != null) this.progress.value = view.progress;
    const { people } = this.conversation;
    const name = view.mine ? "You" : people.nameOf(view.sender_id);
    this.#once("author", name, () => {
      this.author.textContent = name;
      this.author.classList.toggle("unseen", view.mine || !people.many);
      this.face.replaceChildren(...(view.mine ? [] : [avatar(name, people.pictureOf(view.sender_id))]));
    });
    this.#once("text", view.text, (text) => this.text.replaceChildren(...linked(text)));
    this.#once("files", view.files.map(({ url }) => url).join("\n"), () => this.#showFiles(view));
    this.#once("meta", `${view.status} ${view.edited}`, () => this.#showMeta(view));
    this.#once("tools", view.message_id, () => this.#showTools(view));
  }

  /** Touches the page only where something is another than it was. */
  #once(part, value, change) {
    if (this.#shown[part] === value) return;
    this.#shown[part] = value;
    change(value);
  }

  #showFiles({ files, message_id }) {
    for (const old of this.files.querySelectorAll("img")) URL.revokeObjectURL(old.src);
    this.files.replaceChildren(...files.map((file) => this.#file(file, message_id)));
  }

  #file({ url, name, type, size }, message_id) {
    const link = { target: "_blank", rel: "noopener noreferrer", tabIndex: this.li.tabIndex };
    if (isLink(url)) link.href = url;
    if (PICTURES.has(type)) {
      const onerror = () => this.conversation.linkBroken(message_id);
      return h("a", { ...link, className: "picture" }, h("img", { src: url, alt: name, onerror }));
    }
    return h("a", { ...link, className: "card" }, icon("file"), fileWords(name, size));
  }

  #showMeta({ at, edited, mine, status }) {
    const exactly = { dateTime: at.toISOString(), title: at.toLocaleString() };
    const parts = [h("time", { ...exactly, textContent: timeOf(at) })];
    if (edited) parts.unshift(h("span", { textContent: "edited" }));
    if (mine) parts.push(h("span", { className: `status ${status}` }, icon(...STATUS[status])));
    this.meta.replaceChildren(...parts);
  }

  #showTools({ mine, message_id }) {
    if (!mine || !message_id) return this.tools.replaceChildren();
    const { actions } = this.conversation;
    const tool = (name, label, act) => {
      const does = { type: "button", title: label, onclick: () => act(message_id) };
      const look = { className: "plain", tabIndex: this.li.tabIndex, "aria-label": label };
      return h("button", { ...does, ...look }, icon(name));
    };
    const edit = tool("pencil", "Edit", actions.edit);
    this.tools.replaceChildren(edit, tool("bin", "Delete", actions.delete));
  }
}

const previews = new WeakMap();

/** A picture that is still on its way is shown from the writer's own disk. */
function previewOf(file) {
  if (!PICTURES.has(file.type)) return file.name;
  if (!previews.has(file)) previews.set(file, URL.createObjectURL(file));
  return previews.get(file);
}
