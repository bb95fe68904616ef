import { Passing } from "./errors.js";

/**
 * @typedef {object} Change of a message that is there
 * @property {"edit" | "delete" | "react"} action
 * @property {number} message_id
 * @property {string} [text]
 * @property {string} [emoji]
 * @property {boolean} [on]
 */
/** @typedef {{ frame: Change, turn: number, resolve: () => void, reject: (error: Error) => void }} Entry */

/** Edits, deletions and reactions that the server has not confirmed: each may be sent again. */
export class Changes {
  /** @type {Entry[]} */
  #entries = [];

  get size() {
    return this.#entries.length;
  }

  /**
   * @param {Change} frame
   * @returns {Promise<void>}
   */
  add(frame) {
    if (frame.action === "react") this.confirm((one) => one.emoji === frame.emoji && one.message_id === frame.message_id);
    const done = new Promise((resolve, reject) => {
      this.#entries.push({ frame, turn: 0, resolve: () => resolve(undefined), reject });
    });
    done.catch(() => {});
    return done;
  }

  /** @param {import("./connection.js").Connection} connection */
  pump(connection) {
    for (const entry of this.#entries) {
      if (entry.turn !== connection.turn && connection.send(entry.frame)) entry.turn = connection.turn;
    }
  }

  /** @param {number} id @returns {"edit" | "delete" | null} */
  pending(id) {
    const entry = this.#entries.findLast(({ frame }) => frame.message_id === id && frame.action !== "react");
    return /** @type {"edit" | "delete" | undefined} */ (entry?.frame.action) ?? null;
  }

  /** The reactions of a message that are not confirmed, as text: "+👍 -❤️ ". @param {number} id */
  wishes(id) {
    let found = "";
    for (const { frame } of this.#entries) if (frame.action === "react" && frame.message_id === id) found += `${frame.on ? "+" : "-"}${frame.emoji}\n`;
    return found;
  }

  /** @param {(frame: Change, turn: number) => unknown} isDone */
  confirm(isDone) {
    const done = this.#entries.filter(({ frame, turn }) => isDone(frame, turn));
    this.#entries = this.#entries.filter((entry) => !done.includes(entry));
    for (const entry of done) entry.resolve();
  }

  /**
   * @param {{ action?: string, message_id?: number }} frame
   * @param {Error} error
   * @returns {boolean} whether it was one of these, and will not be sent again
   */
  refuse({ action, message_id }, error) {
    const entry = this.#entries.find(({ frame, turn }) => turn && frame.action === action && frame.message_id === message_id);
    if (!entry) return false;
    if (error instanceof Passing) {
      entry.turn = 0;
      return false;
    }
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    if (action === "delete" && error.message === "not_found") entry.resolve();
    else entry.reject(error);
    return true;
  }

  /** @param {Error} error */
  end(error) {
    for (const entry of this.#entries.splice(0)) entry.reject(error);
  }
}
