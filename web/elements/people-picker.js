/** A choice of a person by name, among those with whom the user shares a conversation. */

import { avatar, bdi, h } from "./dom.js";
import { isSame } from "./people.js";

const PATIENCE = 250; // ms after the last key in which the server is asked
const SHOWN = 8; // people in the list

/** Without case and accents. @param {string} text */
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Whether each word begins one of the name. @param {string} name @param {string} typed */
function fits(name, typed) {
  const names = ` ${plain(name)}`;
  return plain(typed).split(/\s+/).every((word) => names.includes(` ${word}`));
}

/** The fields of a form; the value of `person` is the user's id. */
export class PeoplePicker {
  /** @type {Map<string, any>} members by id */
  #known = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;

  /** @param {any} shell the view around @param {any[]} [besides] who can't be chosen */
  constructor({ words, host, chat }, besides = []) {
    this.words = words;
    this.chat = chat;
    this.besides = [host.user?.user_id, ...besides];
    const label = words.say("person");
    this.input = h("input", { className: "field", type: "search", "aria-label": label, placeholder: label, dir: "auto", autocomplete: "off", oninput: () => this.#typed() });
    this.list = h("ul", { className: "people choices", role: "list" });
    this.status = h("p", { className: "faint", role: "status" });
    this.#learn(chat.inbox.snapshot.rooms);
  }

  get fields() {
    return [this.input, this.list, this.status];
  }

  /** @param {any[]} rooms */
  #learn(rooms) {
    for (const one of rooms.flatMap((room) => room.members)) {
      if (one.name && !this.besides.some((id) => isSame(id, one.user_id))) this.#known.set(String(one.user_id), one);
    }
    this.#show();
  }

  #typed() {
    clearTimeout(this.#typing);
    if (this.input.value.trim()) this.#typing = setTimeout(() => void this.#ask(), PATIENCE);
    this.#show();
  }

  async #ask() {
    const found = await this.chat.request("GET", "chat/receive/", { query: { q: this.input.value.trim() } }).catch(() => null); // offline: those of the list
    if (found) this.#learn(found.results);
  }

  /** Those who fit; the only one is chosen. */
  #show() {
    const chosen = /** @type {HTMLInputElement | null} */ (this.list.querySelector(":checked"))?.value;
    const typed = this.input.value.trim();
    const people = [...this.#known.values()].filter(({ name }) => fits(name, typed)).slice(0, SHOWN);
    this.list.replaceChildren(...people.map((one) => this.#choice(one, String(one.user_id) === chosen || (Boolean(typed) && people.length === 1))));
    const nobody = people.length ? "" : this.words.say("nothing");
    this.status.textContent = nobody;
    this.input.setCustomValidity(nobody);
  }

  /** @param {any} person @param {boolean} checked */
  #choice({ user_id, name, picture }, checked) {
    const radio = h("input", { type: "radio", name: "person", value: String(user_id), required: true, checked });
    return h("li", {}, h("label", {}, radio, avatar(name, picture, String(user_id)), bdi(name)));
  }
}
