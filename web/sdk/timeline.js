import { isSameUser } from "./members.js";

/** @typedef {import("./types.js").WireMessage} WireMessage */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").UserId} UserId */

/** A window over the messages of a room: what the server sent, in its present state. */
export class Timeline {
  /** @type {Map<number, WireMessage>} */
  messages = new Map();
  /** @type {Map<string, import("./types.js").Receipt>} */
  receipts = new Map();
  cursor = 0; // the highest top-level version seen
  epoch = "none"; // of the database that the cursor is of; none: the server sends the newest
  hasOlder = false;
  hasNewer = false;
  newest = 0;
  missed = 0; // live messages behind the window
  /** @type {number[]} */
  #sorted = [];
  _isSorted = false;
  /** @type {Set<number>} */
  #deleted = new Set();
  /** @type {any[]} */
  log = []; // frames that came while a page was on its way
  pages = 0;
  turn = 0; // grows with each page that is to take the place of the window
  resets = 0; // of the window, by the server
  /** @type {WeakMap<WireMessage, { me?: UserId, status: string, pending: string | null, wishes: string, quote?: string | null, message: Message }>} */
  #views = new WeakMap();

  get oldest() {
    return this.#ids[0] ?? 0;
  }

  get last() {
    return this.#ids.at(-1) ?? 0;
  }

  /** The ids of the messages, ascending; sorted again after messages came or went. */
  get #ids() {
    if (this.#sorted.length !== this.messages.size || !this._isSorted) this.#sorted = [...this.messages.keys()].sort((a, b) => a - b);
    this._isSorted = true;
    return this.#sorted;
  }

  /** @returns {WireMessage[]} ids ascending */
  get _sorted() {
    return this.#ids.map((id) => /** @type {WireMessage} */ (this.messages.get(id)));
  }

  /**
   * The messages as one user sees them now; those that did not change are the same objects.
   * @param {UserId | undefined} me
   * @param {import("./changes.js").Changes | null} changes what is not confirmed yet
   */
  view(me, changes) {
    const delivered = this.#least("delivered");
    const read = this.#least("read");
    return this._sorted.map((raw) => {
      const id = raw.message_id;
      const status = read(raw) ? "read" : delivered(raw) ? "delivered" : raw.status;
      const pending = changes?.pending(id) ?? null;
      const wishes = changes?.wishes(id) ?? "";
      const quote = raw.reply_to && this.#quoted(raw.reply_to);
      const known = this.#views.get(raw);
      if (known && known.me === me && known.status === status && known.pending === pending && known.quote === quote && known.wishes === wishes) {
        return known.message;
      }
      const message = /** @type {Message} */ (Object.freeze({
        ...raw,
        mine: raw.sender_id !== null && isSameUser(raw.sender_id, me),
        status,
        pending,
        reactions: reacted((wishes && changes?._wished(raw.reactions, me, wishes)) || (raw.reactions ?? []), me),
        ...(raw.reply_to && { reply_to: { ...raw.reply_to, text: quote } }),
      }));
      this.#views.set(raw, { me, status, pending, wishes, quote, message });
      return message;
    });
  }

  /** What has changed since the cursor, or the newest messages. @param {any} frame */
  sync(frame) {
    if (frame.reset || frame.version > this.cursor) this.cursor = frame.version;
    if (frame.reset) {
      this.messages.clear();
      this.#deleted.clear(); // the same ids may be other messages
      this._isSorted = false;
      this.newest = 0;
      this.resets++;
      this.hasOlder = frame.version > frame.messages.length && frame.messages.length > 0; // each took a version
      this.hasNewer = false;
      this.missed = 0;
    }
    this.epoch = frame.epoch;
    this._receive(frame.receipts);
    for (const message of frame.messages) this._add(message);
    for (const id of frame.deleted) this._remove(id);
  }

  /** @param {import("./types.js").Receipt[]} receipts */
  _receive(receipts) {
    this.receipts = new Map(receipts.map((receipt) => [String(receipt.user_id), receipt]));
  }

  /** A new or changed message, where the window has it or reaches to it. @param {WireMessage} message */
  _add(message) {
    const id = message.message_id;
    const isBehind = this.hasNewer && id > this.last;
    if (!isBehind && (this.messages.has(id) || !this.hasOlder || id > this.oldest)) return this.put(message);
    if (id > this.newest) this.missed++;
    this.newest = Math.max(this.newest, id);
  }

  /** @param {WireMessage} message */
  put(message) {
    const id = message.message_id;
    const known = this.messages.get(id);
    if (this.#deleted.has(id) || (known && known.version > message.version)) return;
    if (!known) this._isSorted = false;
    this.messages.set(id, Object.freeze(message));
    this.newest = Math.max(this.newest, id);
  }

  /** @param {number} id */
  _remove(id) {
    this.#deleted.add(id);
    if (this.messages.delete(id)) this._isSorted = false;
  }

  /** @param {NonNullable<WireMessage["reply_to"]>} quote */
  #quoted({ message_id, text }) {
    return this.#deleted.has(message_id) ? null : (this.messages.get(message_id)?.text ?? text);
  }

  /** Whether all recipients of a message have it. @param {"delivered" | "read"} mark */
  #least(mark) {
    const [first, second] = [...this.receipts.values()].sort((a, b) => a[mark] - b[mark]);
    /** @param {WireMessage} message */
    return ({ message_id, sender_id }) => {
      const least = isSameUser(first?.user_id, sender_id) ? second : first;
      return Boolean(least) && least[mark] >= message_id;
    };
  }
}

/** @param {{ emoji: string, user_ids: UserId[] }[]} reactions @param {UserId | undefined} me */
function reacted(reactions, me) {
  return reactions
    .filter(({ user_ids }) => user_ids.length)
    .map(({ emoji, user_ids }) => ({ emoji, count: user_ids.length, user_ids, mine: user_ids.some((user) => isSameUser(user, me)) }));
}
