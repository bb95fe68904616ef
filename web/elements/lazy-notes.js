/** Who joined a group and who left it: a line for each, kept in the browser. Loaded with the first group. */

import { bdi, h } from "./dom.js";

const KEPT = 20; // lines of a room that the browser keeps

/** @typedef {{ key: "joined" | "left", name: string, after: number }} Note */
/** @typedef {{ members: [string, string][], notes: Note[] }} Kept */

export class MemberNotes {
  /** @type {Map<string, string> | null} names by id */
  #known = null;
  /** @type {Map<Note, HTMLElement>} */
  #lines = new Map();
  #isLive = false; // whether a change is seen as it happens, not one from before the page was opened

  /** @param {any} history the view of the messages @param {Kept | undefined} kept */
  constructor(history, kept) {
    /** @type {any} */
    this.history = history;
    this.#known = kept ? new Map(kept.members) : null;
    for (const note of kept?.notes ?? []) this.#show(note);
  }

  /** Those of a room, with what the browser has kept of it. @param {any} history */
  static async of(history) {
    return new MemberNotes(history, await history.model.chat._vault("get", `members ${history.model.id}`));
  }

  /** Compares the members with those of the last time. @param {any[]} members @param {number} after the last message */
  note(members, after) {
    const { words } = this.history;
    const now = new Map(members.map((one) => [String(one.user_id), one.name || words.say("someone")]));
    const before = this.#known ?? now;
    const isFirst = !this.#known;
    this.#known = now;
    for (const [id, name] of now) if (!before.has(id)) this.#add({ key: "joined", name, after });
    for (const [id, name] of before) if (!now.has(id)) this.#add({ key: "left", name, after });
    this.#isLive = true;
    if (isFirst) this.#keep();
  }

  /** @param {Note} note */
  #add(note) {
    const text = this.#show(note);
    if (this.#isLive) this.history.view.tools.announce(text);
    this.#keep();
  }

  /** @param {Note} note @returns {string} */
  #show(note) {
    const text = this.history.words.say(note.key, { name: note.name });
    this.#lines.set(note, h("li", { className: "note" }, bdi(text)));
    return text;
  }

  #keep() {
    const { chat, id } = this.history.model;
    void chat._vault("set", `members ${id}`, { members: [...(this.#known ?? [])], notes: [...this.#lines.keys()].slice(-KEPT) });
  }

  /** The lines that stand below a message. @param {number} message_id */
  below(message_id) {
    return [...this.#lines].filter(([{ after }]) => after === message_id).map(([, line]) => line);
  }
}
