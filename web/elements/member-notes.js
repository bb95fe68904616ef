/** Who came into a group and who went while it is open: a line in the conversation for each. */

import { bdi, h } from "./dom.js";

export class MemberNotes {
  /** @type {Map<string, string> | null} names by id */
  #known = null;
  /** @type {{ after: number, line: HTMLElement }[]} */
  #notes = [];

  /** @param {any} words @param {(text: string) => void} announce */
  constructor(words, announce) {
    this.words = words;
    this.announce = announce;
  }

  /** Compares the members with those of the last time. @param {any} info of the room @param {number} after the last message */
  note(info, after) {
    if (!info?.members) return;
    const before = this.#known;
    const now = new Map(info.members.map((/** @type {any} */ one) => [String(one.user_id), one.name || this.words.say("someone")]));
    this.#known = now;
    if (!before) return;
    for (const [id, name] of now) if (!before.has(id)) this.#add("joined", name, after);
    for (const [id, name] of before) if (!now.has(id)) this.#add("left", name, after);
  }

  /** @param {string} key @param {string} name @param {number} after */
  #add(key, name, after) {
    const text = this.words.say(key, { name });
    this.#notes.push({ after, line: h("li", { className: "note" }, bdi(text)) });
    this.announce(text);
  }

  /** The lines that stand below a message. @param {number} message_id */
  below(message_id) {
    return this.#notes.filter(({ after }) => after === message_id).map(({ line }) => line);
  }
}
