/** `<roomcast-inbox>`: the list and one conversation, beside each other where there is room. */

import { listEnglish } from "../lang/en.js";
import { List } from "../sdk/lazy-list.js";
import { bundled } from "../sdk/storage.js";
import { ChatView } from "./chat-view.js";
import { h, icon } from "./dom.js";
import { ListView } from "./list-view.js";
import { isSame } from "./people.js";
import { addSheet } from "./sheets.js";
import { Shell } from "./shell.js";
import { listStyle } from "./style-list.js";

bundled._list = Promise.resolve({ List }); // one request fewer

export class InboxView extends Shell {
  #leaving = new AbortController();
  signal = this.#leaving.signal;
  #cameFromList = false;
  /** @type {unknown} */
  #partner = null; // of a conversation that is not made yet

  /** @param {any} host @param {any} chat */
  constructor(host, chat) {
    super(host, chat);
    const { words } = this;
    words.learn(listEnglish);
    addSheet(host.root, listStyle);
    this.list = new ListView(host, this);
    this.nowhere = h("div", { className: "empty" }, icon("chat"), h("p", {}, words.say("choose")));
    this.pane = h("div", { className: "pane" }, this.nowhere);
    const about = host.hasAttribute("list-only") ? "panes" : "panes two";
    this.panes = h("div", { className: about }, this.list.box, this.pane);
    this.frame.append(this.panes);
    this.off.push(() => this.#leaving.abort());
    const { signal } = this;
    host.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.list.tools?.shortcut(event, this), { signal });
    for (const name of ["popstate", "hashchange"]) addEventListener(name, () => this.#arrive(), { signal });
    this.#arrive();
  }

  /** @param {string} words */
  find(words) {
    return this.list.find(words);
  }

  /** How the room stands in the address of the page: "none", "hash" or "query". */
  get addressing() {
    return this.host.getAttribute("history") ?? "none";
  }

  learned() {
    this.list.render();
  }

  // ------------------------------------------------------------ which room is shown

  /** Where the address of the page or the attribute leads. */
  #arrive() {
    const query = this.#query;
    const numberOf = (/** @type {string | null} */ text) => Number(text) || null;
    const attribute = numberOf(this.host.getAttribute("room"));
    const message = numberOf(query.get("message"));
    const room = this.addressing === "none" ? attribute : (numberOf(query.get("room")) ?? (this.open ? null : attribute));
    if (room === null) return void (this.open && this.close("history"));
    if (room === this.current && !message) return;
    void this.select(room, { message: message ?? undefined, by: "history" });
  }

  /** The part of the page's address in which the room stands. */
  get #query() {
    const { hash, search } = location;
    const how = this.addressing;
    return new URLSearchParams(how === "hash" ? hash.slice(1) : how === "query" ? search : "");
  }

  /** Writes the room into the address of the page. @param {number | null} room @param {"push" | "replace"} way */
  #write(room, way) {
    const how = this.addressing;
    if (how === "none") return;
    const url = new URL(location.href);
    const query = this.#query;
    query.delete("message");
    if (room) query.set("room", String(room));
    else query.delete("room");
    url[how === "hash" ? "hash" : "search"] = String(query);
    if (url.href !== location.href) history[`${way}State`](history.state, "", url);
  }

  /**
   * Shows a room: by its id, or the one with somebody about something.
   * @param {any} target
   * @param {{ message?: number, by?: "user" | "script" | "history" }} [how]
   */
  async select(target, { message, by = "script" } = {}) {
    const id = typeof target === "object" ? null : Number(target);
    if (!this.host.emit("select", { room: id ?? target }, true)) return false;
    if (this.host.hasAttribute("list-only")) return true;
    if (id !== null && id === this.current) return message ? this.open.history.jump(message) : this.#focus(by);
    this.#partner = id === null ? target.with : null;
    const model = id === null ? this.chat.with(target.with, { context: target.context }) : this.chat.room(id);
    if (by !== "history") this.#write(id, this.open && !this.isNarrow ? "replace" : "push");
    this.#cameFromList = by === "user" && !this.open;
    this.#show(model, message);
    return this.#focus(by);
  }

  /** A conversation that is not made yet has the name of who it will be with. @param {number | null} id */
  item(id) {
    if (id !== null) return super.item(id);
    const members = this.chat.inbox.snapshot.rooms.flatMap((/** @type {any} */ room) => room.members);
    const partner = members.find((/** @type {any} */ one) => isSame(one.user_id, this.#partner));
    return partner && { members: [partner] };
  }

  /** @param {any} model @param {number} [message] */
  #show(model, message) {
    this.open?.destroy();
    this.open = new ChatView(this.host, model, { shell: this, back: () => this.back(), wanted: message ?? null });
    this.pane.replaceChildren(this.open.box);
    this.panes.classList.add("open");
    this.#reflect(model.id);
    this.list.render();
    if (model.id === null) this.#reflectLater(model);
  }

  /** A conversation has a number once it is found, or made with its first message. @param {any} model */
  #reflectLater(model) {
    const stop = model.subscribe(() => {
      if (model.id === null && this.open?.model === model) return;
      queueMicrotask(() => stop()); // also where it is known at once
      if (this.open?.model !== model) return;
      this.#reflect(model.id);
      this.#write(model.id, "replace");
      this.list.render();
    });
    this.off.push(() => stop());
  }

  /** @param {number | null} id */
  #reflect(id) {
    if (id === null) this.host.removeAttribute("room");
    else this.host.setAttribute("room", String(id));
  }

  /** @param {string} by */
  #focus(by) {
    if (by !== "history" && this.host.getAttribute("autofocus") !== "none") {
      if (matchMedia("(pointer: coarse)").matches) this.open.header.title.focus();
      else this.open.focus();
    }
    return true;
  }

  get isNarrow() {
    return !this.list.box.offsetWidth || !this.pane.offsetWidth; // one of them is hidden
  }

  /** The way back on a narrow screen: the same as the browser's where the user came from the list. */
  back() {
    if (this.#cameFromList && this.addressing !== "none") history.back();
    else this.close();
  }

  /** Shows no room. @param {"script" | "history"} [by] */
  close(by = "script") {
    const last = this.current;
    this.open?.destroy();
    this.open = null;
    this.pane.replaceChildren(this.nowhere);
    this.panes.classList.remove("open");
    this.#reflect(null);
    if (by !== "history") this.#write(null, "replace");
    this.list.render();
    if (last !== null) this.list.focusOn(last);
  }

  /** An archived room leaves the list. */
  archived() {
    void this.chat.inbox.reload().catch(() => {}); // offline: the list follows later
  }

  /** @param {string} name @param {any} value */
  changed(name, value) {
    if (name !== "room") return super.changed(name, value);
    const room = Number(value) || null;
    if (room === this.current) return; // it was written by this view
    if (room) void this.select(room);
    else this.close();
  }

  redraw() {
    super.redraw();
    this.list.redraw();
  }
}
