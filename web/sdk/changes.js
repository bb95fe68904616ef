import { isSameUser } from "./members.js";

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

  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
  }

  get size() {
    return this.#entries.length;
  }

  /**
   * @param {Change} frame
   * @returns {Promise<void>}
   */
  add(frame) {
    if (frame.action === "react") {
      const shown = this.room.snapshot.messages.find((one) => one.message_id === frame.message_id);
      frame.on ??= !shown?.reactions.some((one) => one.mine && one.emoji === frame.emoji);
      this.confirm((one) => one.emoji === frame.emoji && one.message_id === frame.message_id);
    }
    const done = new Promise((resolve, reject) => {
      this.#entries.push({ frame, turn: 0, resolve: () => resolve(undefined), reject });
    });
    done.catch(() => {});
    return done;
  }

  _pump() {
    const { _connection: connection } = this.room;
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

  /**
   * The reactions as they will be.
   * @param {import("./types.js").Reaction[] | undefined} reactions
   * @param {import("./types.js").UserId | undefined} me nothing is known of their reactions where it is not known who that is
   * @param {string} wishes
   */
  _wished(reactions = [], me, wishes) {
    if (me === undefined) return reactions;
    const found = new Map(reactions.map(({ emoji, user_ids }) => [emoji, user_ids]));
    for (const wish of wishes.split("\n").slice(0, -1)) {
      const emoji = wish.slice(1);
      const others = (found.get(emoji) ?? []).filter((user) => !isSameUser(user, me));
      found.set(emoji, wish[0] === "+" ? [...others, me] : others);
    }
    return [...found].map(([emoji, user_ids]) => ({ emoji, user_ids }));
  }

  /** What the frame confirms. @param {any} frame */
  apply(frame) {
    const { type, message_id, deleted } = frame;
    const edits = this.#edited(frame);
    this.confirm((one) => {
      const id = one.message_id;
      const isThis = message_id === id;
      if (type === "sync" && deleted.includes(id)) return true;
      if (type === "message_deleted") return isThis;
      if (one.action === "edit") return edits.includes(one);
      return one.action === "react" && (type === "sync" || (type === "message_reacted" && isThis)) && this.#isReacted(one);
    });
  }

  /**
   * The edits that a frame confirms: that of the text and those before it, which would undo it. A text that the
   * server has changed is that of the first one sent.
   * @param {any} frame
   * @returns {Change[]}
   */
  #edited({ type, message_id }) {
    const { _connection: connection, _timeline: timeline } = this.room;
    const isLive = type === "message_edited";
    const all = this.#entries.filter(({ frame }) => frame.action === "edit");
    const ids = new Set(isLive ? [message_id] : type === "sync" ? all.map(({ frame }) => frame.message_id) : []);
    return [...ids].flatMap((id) => {
      const edits = all.filter(({ frame }) => frame.message_id === id);
      const at = edits.findLastIndex(({ frame }) => frame.text === timeline.messages.get(id)?.text);
      const done = at + 1 || Number(isLive && edits[0]?.turn === connection.turn);
      return edits.slice(0, done).map(({ frame }) => frame);
    });
  }

  /** @param {Change} change */
  #isReacted({ message_id, emoji, on }) {
    const { chat, _timeline: timeline } = this.room;
    const found = timeline.messages.get(message_id)?.reactions?.find((one) => one.emoji === emoji);
    return Boolean(found?.user_ids.some((user) => isSameUser(user, chat._user))) === on;
  }

  /** @param {(frame: Change) => unknown} isDone */
  confirm(isDone) {
    const done = this.#entries.filter(({ frame }) => isDone(frame));
    this.#entries = this.#entries.filter((entry) => !done.includes(entry));
    for (const entry of done) entry.resolve();
  }

  /**
   * @param {{ action?: string, message_id?: number }} frame
   * @param {Error} error
   * @param {boolean} isPassing
   * @returns {boolean} whether it was one of these, and will not be sent again
   */
  refuse({ action, message_id }, error, isPassing) {
    const entry = this.#entries.find(({ frame, turn }) => turn && frame.action === action && frame.message_id === message_id);
    if (!entry) return false;
    if (isPassing) {
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
