/** The menu of the list: new conversations, notifications, one's data. */

import { h } from "./dom.js";
import { reasonOf } from "./later-words.js";
import { PeoplePicker } from "./people-picker.js";

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
    if (inbox.list.tools?.start.hidden === false) items.push(item("newChat", "plus", () => this.startChat()));
    const canAsk = "Notification" in globalThis && Notification.permission === "default";
    if (canAsk) items.push(item("notify", "bell", () => Notification.requestPermission()));
    items.push(item("export", "save", () => this.#export()));
    items.push({ ...item("erase", "delete", () => this.#erase()), danger: true });
    this.more.menu.open(from, [...items, ...(inbox.host.menuItems ?? [])]);
  }

  async startChat() {
    const { inbox, words } = this;
    const { fields } = new PeoplePicker(inbox);
    const values = await this.more.dialog.form(words.say("newChat"), fields, words.say("newChat"));
    if (values) void inbox.select({ with: values.get("person") }, { by: "user" });
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
    void this.more.dialog.form(reasonOf(words, error?.code), [], words.say("close"));
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
