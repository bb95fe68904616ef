/** The search: rooms by their titles, messages by their words. */

import { $, avatar, briefly, h, marked } from "./dom.js";

const PAUSE = 300; // ms without a key after which the words are looked for

export class Search {
  #timer = 0;
  #words = "";

  constructor(rooms, people) {
    this.rooms = rooms;
    this.people = people;
    $("search").addEventListener("submit", (event) => event.preventDefault());
    $("words").addEventListener("input", () => this.#listen());
    $("words").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.end();
    });
  }

  #listen() {
    clearTimeout(this.#timer);
    this.#words = $("words").value.trim();
    $("found").hidden = !this.#words;
    $("browse").hidden = Boolean(this.#words);
    if (this.#words) this.#timer = setTimeout(() => this.#look(), PAUSE);
  }

  end() {
    $("words").value = "";
    this.#listen();
  }

  async #look() {
    const words = this.#words;
    const low = words.toLowerCase();
    const has = ({ room_id }) => this.people.titleOf(room_id).toLowerCase().includes(low);
    const rooms = this.rooms.items.filter(has).map((item) => h("li", {}, this.rooms.entry(item)));
    $("found-rooms").replaceChildren(...rooms);
    $("found-messages").replaceChildren();
    await this.#take(words, () => this.rooms.site.search(words));
  }

  async #take(words, ask) {
    try {
      const { results, next } = await ask();
      if (words !== this.#words) return; // others are looked for by now
      await this.#meet(results);
      $("found-messages").append(...results.map((message) => h("li", {}, this.#entry(message))));
      this.#conclude(words, next);
    } catch (error) {
      if (words === this.#words) $("found-notice").textContent = error.message;
    }
  }

  #conclude(words, next) {
    const count = $("found-rooms").childElementCount + $("found-messages").childElementCount;
    $("found-notice").textContent = count || next ? "" : "Nothing found. Whole words count.";
    $("more-found").hidden = !next;
    $("more-found").onclick = () => this.#take(words, () => this.rooms.site.searchOn(next));
  }

  /** Rooms far down the list, or archived, aren't known yet. */
  async #meet(results) {
    const ids = new Set(results.map(({ room_id }) => room_id));
    const strange = [...ids].filter((id) => !this.people.itemOf(id));
    this.people.learn(await Promise.all(strange.map((id) => this.rooms.site.room(id))));
  }

  #entry({ room_id, message_id, sender_id, text, attachments, created_at }) {
    const { people } = this;
    const name = people.titleOf(room_id);
    const who = String(sender_id) === people.me ? "You" : people.nameIn(room_id, sender_id);
    const words = text || attachments.map(({ file_name }) => file_name).join(", ");
    const does = { type: "button", onclick: () => this.rooms.goTo(room_id, message_id) };
    return h(
      "button",
      { ...does, className: "room-item" },
      avatar(name, people.partnerIn(room_id)?.picture),
      h("span", { className: "room-title", textContent: name }),
      h("time", { textContent: briefly(new Date(created_at)) }),
      h("span", { className: "room-last" }, `${who}: `, ...marked(words, this.#words)),
    );
  }
}
