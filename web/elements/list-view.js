/** The list of conversations: search, filters, rows that change in place. */

import { loadModule } from "../sdk/loading.js";
import { ListItem } from "./list-item.js";
import { afterPaint, arrange, avatar, fill, focusedIn, h, icon, iconButton, oncePerFrame } from "./dom.js";

const FILTERS = /** @type {const} */ (["all", "unread", "archived"]);
const NOTHING = { all: "noChats", unread: "noUnread", archived: "noArchived" };

export class ListView {
  #rows = new Map();
  #pressed = false;
  /** @type {Promise<any> | null} */
  #equipping = null;
  /** Search, keyboard, more rows and new conversations, loaded after the first rows. @type {any} */
  tools = null;
  sought = ""; // the words looked for

  /** @param {any} host the element @param {any} shell the inbox around */
  constructor(host, shell) {
    this.host = host;
    this.shell = shell;
    this.words = shell.words;
    this.inbox = shell.chat.inbox;
    this.filter = this.#initialFilter();
    const { words } = this;
    const say = (/** @type {string} */ key) => words.say(key);
    this.menu = iconButton("more", say("more"), () => void shell.use(shell.more(), (/** @type {any} */ kit) => kit.openListMenu(this.menu)), { "aria-haspopup": "menu" });
    this.heading = h("h2", {}, say("chats"));
    this.search = h("input", { type: "search", part: "search", "aria-label": say("search"), placeholder: say("search"), autocomplete: "off", enterkeyhint: "search" });
    this.field = h("div", { className: "search-field", role: "search", hidden: host.getAttribute("search") === "none" }, this.search);
    this.filters = h("div", { className: "filters", role: "group", "aria-label": say("chats") }, ...FILTERS.map((each) => this.#filterButton(each)));
    this.list = h("ul", { part: "list", role: "list", "aria-label": say("chats") });
    this.hint = h("div", { className: "empty", hidden: true });
    this.noRooms = h("slot", { name: "no-rooms" }, icon("chat"), h("p", {}, say("noChats")));
    this.rows = h("div", { className: "rows" }, this.list, this.hint);
    const head = h("header", {}, h("slot", { name: "list-start" }), this.heading, this.menu);
    this.lost = h("p", { className: "lost", role: "status", hidden: true });
    this.box = h("nav", { className: "aside", "aria-label": say("chats") }, head, this.field, this.filters, this.lost, this.rows);
    this.#listen();
    void this.applyFilter();
    const later = oncePerFrame(() => this.box.isConnected && this.render());
    shell.off.push(this.inbox.subscribe(() => (this.tools ? later() : this.render())), () => this.tools?.found.stop());
  }

  #initialFilter() {
    const wish = this.host.getAttribute("filter");
    return FILTERS.find((each) => each === wish) ?? "all";
  }


  /** @param {typeof FILTERS[number]} name */
  #filterButton(name) {
    const does = () => {
      this.filter = name;
      void this.applyFilter();
    };
    return h("button", { type: "button", "data-filter": name, onclick: does }, this.words.say(name));
  }

  #listen() {
    const { signal } = this.shell;
    /** A key that comes before the tools waits for them. @param {"searchKey" | "key"} name @returns {(event: KeyboardEvent) => void} */
    const toTools = (name) => (event) => (this.tools ? this.tools[name](event) : void this.equip((tools) => tools[name](event)));
    this.search.addEventListener("keydown", toTools("searchKey"));
    this.rows.addEventListener("keydown", toTools("key"));
    this.rows.addEventListener("pointerdown", () => (this.#pressed = true));
    for (const name of ["pointerup", "pointercancel"]) {
      addEventListener(name, () => setTimeout(() => this.#released()), { signal });
    }
    for (const name of ["focus", "blur"]) addEventListener(name, () => this.render(), { signal });
  }

  /** The filter in force: what is chosen, what is searched, and what the site limits the list to. */
  async applyFilter() {
    const prefix = this.host.getAttribute("context-prefix");
    const wish = { ...(this.filter !== "all" && { [this.filter]: true }), ...(this.sought && { q: this.sought }) };
    for (const button of this.filters.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === this.filter));
    }
    this.rows.scrollTop = 0;
    await this.inbox.filter({ ...wish, ...(prefix && { context_prefix: prefix }) }).catch(() => {}); // the snapshot has the error
  }

  // ------------------------------------------------------------ what is shown

  render() {
    if (this.#pressed) return; // rows don't move under a press
    if (!this.shell.open?.model.snapshot.info) this.shell.open?.render(); // the list knows it before the room does
    const { rooms, loading, error, state } = this.inbox.snapshot;
    this.lost.hidden = state !== "waiting" || !rooms.length || Boolean(this.shell.open); // an open room tells it itself
    this.lost.textContent = this.lost.hidden ? "" : this.words.say("offline");
    const me = this.shell.chat._user;
    const rows = new Map();
    for (const item of rooms) {
      const row = this.#rows.get(item.room_id) ?? new ListItem(this, item.room_id);
      row.show(item, { current: item.room_id === this.shell.current, typing: this.shell.isTypingIn(item.room_id), me });
      rows.set(item.room_id, row);
    }
    this.#rows = rows;
    const focused = focusedIn(this.list);
    const nodes = [...rows.values()].map((row) => row.li);
    const isFirst = loading && !rooms.length;
    arrange(this.list, isFirst ? Array.from({ length: 8 }, () => h("li", { className: "skeleton", "aria-hidden": "true" }, avatar("", null))) : nodes);
    this.list.setAttribute("aria-busy", String(Boolean(isFirst)));
    if (focused?.isConnected && focusedIn(this.list) !== focused) /** @type {HTMLElement} */ (focused).focus();
    this.#showHint(!loading && !rooms.length, error);
    this.heading.textContent = this.words.say(this.filter === "archived" ? "archived" : "chats");
    this.tools?.render();
    if (!loading && !error && !this.shell.open) void this.shell.learn();
    if (!loading && !this.#equipping) afterPaint(() => void this.equip());
  }

  /** Does something with search and keyboard once they are there. @param {(tools: any) => void} [act] */
  equip(act = () => {}) {
    this.shell.chat._identify?.();
    this.#equipping ??= loadModule(() => import("./lazy-list-tools.js")).then(({ ListTools }) => (this.tools = new ListTools(this)));
    return this.#equipping.then(act, () => void (this.#equipping = null)); // the next use tries again
  }

  /** Said until the next rendering. @param {string} text */
  notice(text) {
    this.lost.textContent = text;
    this.lost.hidden = false;
  }

  /** All rows are drawn again. */
  redraw() {
    for (const row of this.#rows.values()) row.forget();
    this.render();
  }

  /** Who is online is only known while there is a connection. */
  get isLive() {
    return this.inbox.snapshot.state === "open";
  }

  /** @param {boolean} isEmpty @param {any} error */
  #showHint(isEmpty, error) {
    this.hint.hidden = !isEmpty || (Boolean(this.sought) && this.tools.found.isShown);
    this.shell.nowhere?.classList.toggle("without", !this.hint.hidden);
    if (this.hint.hidden) return;
    const isOut = error?.code === "unauthenticated";
    for (const useless of isOut ? [this.menu, this.field, this.filters] : []) useless.hidden = true; // until the next login, which makes another view
    const { words, sought, filter } = this;
    if (!error && !sought && filter === "all") return arrange(this.hint, [this.noRooms]);
    const text = error ? words.reason(error.code) : words.say(sought ? "nothing" : NOTHING[filter]);
    const again = () => h("button", { type: "button", className: "quiet", onclick: () => void this.applyFilter() }, words.say("now"));
    fill(this.hint, h("p", {}, text), error && !isOut && again());
  }

  #released() {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.render();
  }

  /** @param {number} room_id @param {number} [message_id] */
  select(room_id, message_id) {
    void this.shell.select(room_id, { message: message_id, by: "user" });
  }

  /** @param {string} words */
  find(words) {
    return this.equip((tools) => tools.find(words));
  }

  /** Back from a room: the row one came from. @param {number} room_id */
  focusOn(room_id) {
    const row = this.#rows.get(room_id);
    (row?.button ?? this.search).focus({ preventScroll: true });
    row?.li.scrollIntoView({ block: "nearest" });
  }
}
