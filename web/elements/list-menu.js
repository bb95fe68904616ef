/** The menu of the list: new conversations, notifications, one's data. */

import { h } from "./dom.js";
import { field } from "./dialog.js";
import { isSame } from "./people.js";

const PATIENCE = 250; // ms after the last key in which a person is looked for

/** For one opening of the menu. */
export class ListMenu {
  /** @param {any} inbox the view of the inbox @param {any} more menu and dialog */
  constructor(inbox, more) {
    this.inbox = inbox;
    this.more = more;
    this.words = inbox.words;
  }

  /** @param {HTMLElement} from */
  open(from) {
    const { inbox, words } = this;
    const item = (/** @type {string} */ id, /** @type {string} */ icon, /** @type {() => any} */ act) => ({ id, icon, label: words.say(id), act: () => void act() });
    const items = [];
    if (inbox.canOpen) items.push(item("newChat", "plus", () => this.startChat()));
    const canAsk = "Notification" in globalThis && Notification.permission === "default";
    if (canAsk) items.push(item("notify", "bell", () => Notification.requestPermission()));
    items.push(item("export", "save", () => this.#export()));
    items.push({ ...item("erase", "delete", () => this.#erase()), danger: true });
    this.more.menu.open(from, [...items, ...(inbox.host.menuItems ?? [])]);
  }

  async startChat() {
    const { inbox, words } = this;
    const { input, list, chosen } = personField(inbox);
    if (!(await this.more.dialog.form(words.say("newChat"), [input, list], words.say("newChat")))) return;
    void inbox.select({ with: chosen() }, { by: "user" });
  }

  /** Erases what the user has written, after a question. */
  async #erase() {
    const { inbox, words } = this;
    if (!(await this.more.dialog.confirm(words.say("askErase"), words.say("erase")))) return;
    try {
      await inbox.chat.request("DELETE", "chat/me/");
      await inbox.chat.inbox.reload();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {any} error */
  #fail(error) {
    const { words } = this;
    void this.more.dialog.form(words.reason(error?.code), [], words.say("close"));
  }

  /** All of the user's data, as a file. */
  async #export() {
    const { inbox } = this;
    const data = await inbox.chat.request("GET", "chat/export/", { raw: true }).catch((/** @type {any} */ error) => this.#fail(error));
    if (!data) return;
    const url = URL.createObjectURL(new Blob([data]));
    h("a", { href: url, download: "messages.ndjson" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1_000);
  }
}

/**
 * A field for a person: the names of those the user talks with, looked for as they are typed. What is
 * no such name is taken as an id, which has no spaces. @param {any} shell
 */
export function personField({ words, host, chat }) {
  const known = new Map();
  const list = h("datalist", { id: "people" });
  const input = field(words.say("person"), { name: "person", required: true, list: "people", autocomplete: "off" });
  const plain = (/** @type {string} */ name) => name.trim().toLowerCase();
  const check = () => input.setCustomValidity(/\S\s+\S/.test(input.value) && !known.has(plain(input.value)) ? words.say("nothing") : "");
  const learn = (/** @type {any[]} */ rooms) => {
    for (const one of rooms.flatMap((room) => room.members)) {
      if (!one.name || isSame(one.user_id, host.user?.user_id) || known.has(plain(one.name))) continue;
      known.set(plain(one.name), one.user_id);
      list.append(h("option", { value: one.name }));
    }
    check();
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const look = async () => {
    const found = await chat.request("GET", "chat/receive/", { query: { q: input.value.trim() } }).catch(() => null); // offline: those of the list
    if (found) learn(found.results);
  };
  input.addEventListener("input", () => {
    clearTimeout(typing);
    if (input.value.trim() && !known.has(plain(input.value))) typing = setTimeout(look, PATIENCE);
    check();
  });
  learn(chat.inbox.snapshot.rooms);
  return { input, list, chosen: () => known.get(plain(input.value)) ?? input.value.trim() };
}
