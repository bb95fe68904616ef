/** The list of one's rooms: who is there, what was said last, how much is unread. */

import { $, avatar, briefly, h, icon } from "./dom.js";

const EVERY = 10_000; // ms between two looks at the list
const SELDOM = 30_000; // ms between them while the bell says what is new, except who is there
const SOON = 500; // ms in which many changes are one look
const PACE = 2_000; // ms between two looks at least, however much is new

/** Events: "renewed" (the list was loaded), "locked" (the token is not valid any more). */
export class Rooms extends EventTarget {
  site = null;
  items = []; // as the server listed them last
  #pages = 1;
  #archived = 0;
  #room = null; // the open one
  #shown = "";
  #timer = 0;
  #due = Infinity;
  #looked = 0;
  #asked = 0; // how often the list was asked for: the last answer counts, in whatever order they come

  /** `goTo(room, message)` opens a room, and a message in it. */
  constructor(people, bell, goTo) {
    super();
    this.people = people;
    this.bell = bell;
    this.goTo = goTo;
    $("more-rooms").addEventListener("click", () => {
      this.#pages += 1;
      this.renew(0);
    });
    $("archived").addEventListener("click", () => this.#turn());
    $("new-room").addEventListener("submit", (event) => this.#talkTo(event));
    document.addEventListener("visibilitychange", () => this.renew(0));
    bell.addEventListener("rung", () => {
      this.#showTitle(); // also while nobody looks
      this.renew();
    });
  }

  /** True when the server knows the user, or can't be asked now. */
  async signIn(site) {
    this.site = site;
    return this.load();
  }

  async load() {
    const asked = this.site;
    const number = ++this.#asked;
    try {
      const found = new Map();
      let next = true;
      for (let page = 1; next && page <= this.#pages; page++) {
        const answer = await asked.rooms(page, this.#archived);
        if (asked !== this.site) return false; // somebody else has come in meanwhile
        if (number !== this.#asked) return true;
        for (const item of answer.results) found.set(item.room_id, item);
        next = answer.next;
      }
      this.items = [...found.values()];
      if (!asked.me || this.items.length) asked.me = asked.whoAmI(this.items);
      $("more-rooms").hidden = !next;
      this.say("");
      this.dispatchEvent(new Event("renewed"));
      return true;
    } catch (error) {
      if (asked !== this.site) return false;
      if (error.code === "unauthenticated") this.dispatchEvent(new Event("locked"));
      this.say(error.code ? error.message : "The server can't be reached.");
      return !error.code;
    }
  }

  say(words) {
    $("rooms-notice").textContent = words;
    $("rooms-notice").hidden = !words;
  }

  /** Looks at the list again, soon: many changes at once are one look. */
  renew(delay = SOON) {
    const due = Math.max(Date.now() + delay, delay && this.#looked + PACE);
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#lookAgain(), due - Date.now());
  }

  async #lookAgain() {
    this.#due = Infinity;
    this.#looked = Date.now();
    if (this.site && document.visibilityState === "visible") await this.load();
    this.renew(this.bell.state === "open" ? SELDOM : EVERY);
  }

  #turn() {
    this.#archived = 1 - this.#archived;
    this.#pages = 1;
    $("archived").setAttribute("aria-pressed", String(Boolean(this.#archived)));
    this.renew(0);
  }

  async #talkTo(event) {
    event.preventDefault();
    const users = $("new-user").value.split(",").map((user) => user.trim()).filter(Boolean);
    try {
      const { room_id } = await this.site.talkTo(users);
      $("new-user").value = "";
      await this.load();
      this.goTo(room_id);
    } catch (error) {
      this.say(error.message);
    }
  }

  // ------------------------------------------------------------ what is shown

  /** `room` is the open one. A screen reader keeps its place where nothing is new. */
  show(room) {
    this.#room = room;
    const online = this.items.map(({ room_id }) => this.#isOnline(room_id));
    const typing = room && [...room.typists.keys()];
    const look = [this.items, online, typing, room?.id, this.people.me, document.visibilityState];
    const state = JSON.stringify(look);
    if (state === this.#shown) return;
    this.#shown = state;
    const focused = document.activeElement?.dataset.room;
    $("room-list").replaceChildren(...this.items.map((item) => h("li", {}, this.entry(item))));
    if (focused) $("room-list").querySelector(`[data-room="${focused}"]`)?.focus();
    this.#showTitle();
  }

  #showTitle() {
    const listed = this.items.reduce((sum, item) => sum + this.#unreadIn(item), 0);
    const unread = this.bell.counter ?? listed;
    const where = this.#room ? `${this.people.titleOf(this.#room.id)} · roomcast` : "roomcast";
    document.title = unread ? `(${unread}) ${where}` : where;
  }

  entry(item) {
    const { room_id } = item;
    const name = this.people.titleOf(room_id);
    const partner = this.people.partnerIn(room_id);
    const at = new Date(item.last_message?.created_at ?? item.created_at);
    const does = { type: "button", onclick: () => this.goTo(room_id) };
    const button = h(
      "button",
      { ...does, className: "room-item", "data-room": room_id },
      avatar(name, partner?.picture, this.#isOnline(room_id)),
      h("span", { className: "room-title", textContent: name }),
      h("time", { textContent: briefly(at) }),
      this.#lastWords(item),
      ...this.#badge(this.#unreadIn(item)),
    );
    if (this.#room?.id === room_id) button.setAttribute("aria-current", "true");
    return button;
  }

  #badge(unread) {
    if (!unread) return [];
    const unseen = h("span", { className: "unseen", textContent: " unread" });
    return [h("span", { className: "badge" }, unread > 999 ? "999+" : String(unread), unseen)];
  }

  #lastWords({ room_id, last_message: last }) {
    const typists = this.#room?.id === room_id ? this.#room.typists.keys() : [];
    const typing = this.people.typingIn(room_id, typists);
    if (typing) return h("span", { className: "room-last typing", textContent: typing });
    return h("span", { className: "room-last" }, ...this.#wordsOf(room_id, last));
  }

  #wordsOf(room_id, last) {
    if (!last) return ["No messages yet"];
    const words = last.content ? [last.content] : [icon("clip"), "File"];
    if (last.from_this_user) return ["You: ", ...words];
    const { people } = this;
    return people.isGroup(room_id) ? [`${people.nameIn(room_id, last.sender_id)}: `, ...words] : words;
  }

  #isOnline(room_id) {
    const partner = this.people.partnerIn(room_id);
    return Boolean(partner) && this.people.isOnline(partner.user_id);
  }

  /** Nothing is unread in the room before one's eyes. */
  #unreadIn(item) {
    const isSeen = item.room_id === this.#room?.id && document.visibilityState === "visible";
    return isSeen ? 0 : item.unread;
  }
}
