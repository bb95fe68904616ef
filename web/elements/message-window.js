/** Which of the loaded messages stand in the page: a window that follows the reader. */

const MOST = 180; // messages in the page; with lines between them fewer than 250 rows
const STEP = 50; // messages that come when the reader nears an edge

export class MessageWindow {
  /** @type {number} */
  #from = 0; // id of the first message shown, 0: as many as there is room for
  /** @type {number} */
  #to = Infinity; // id of the last message shown, Infinity: the newest

  /** The messages to show, of all loaded ones. @param {any[]} messages @param {boolean} atNewest whether the reader looks at the end */
  slice(messages, atNewest) {
    const end = this.#to === Infinity ? messages.length : above(messages, this.#to);
    let start = this.#from ? below(messages, this.#from) : Math.max(0, end - MOST);
    if (end - start > MOST) {
      if (atNewest) start = end - STEP * 2;
      else return this.#fix(messages, start, start + MOST);
      if (this.#from) this.#from = messages[start].message_id;
    }
    return messages.slice(start, end);
  }

  get followsNewest() {
    return this.#to === Infinity;
  }

  toNewest() {
    this.#from = 0;
    this.#to = Infinity;
  }

  /** Shows so many of the newest. @param {any[]} messages @param {number} count */
  toLast(messages, count) {
    this.#from = messages.at(-count)?.message_id ?? 0;
  }

  /** @param {any[]} messages @param {number} message_id @param {number} [count] of messages on either side, at most */
  around(messages, message_id, count = STEP) {
    const at = below(messages, message_id);
    this.#fix(messages, Math.max(0, at - count), Math.min(messages.length, at + count));
  }

  /** Moves towards older messages; false when none are loaded. @param {any[]} messages @param {any[]} shown */
  up(messages, shown) {
    const start = shown.length ? below(messages, shown[0].message_id) : messages.length;
    if (start <= 0) return false;
    const from = Math.max(0, start - STEP);
    const end = shown.length ? start + shown.length : messages.length;
    this.#fix(messages, from, Math.min(end, from + MOST));
    return true;
  }

  /** Moves towards newer messages; false when none are loaded. @param {any[]} messages @param {any[]} shown */
  down(messages, shown) {
    const end = shown.length ? above(messages, /** @type {any} */ (shown.at(-1)).message_id) : 0;
    if (end >= messages.length) return false;
    const to = Math.min(messages.length, end + STEP);
    this.#fix(messages, Math.max(end - shown.length, to - MOST), to);
    return true;
  }

  /** @param {any[]} messages @param {number} start @param {number} end */
  #fix(messages, start, end) {
    this.#from = messages[start]?.message_id ?? 0;
    this.#to = end >= messages.length ? Infinity : messages[end - 1].message_id;
    return messages.slice(start, end);
  }
}

/** Index of the first message with this id or a higher one. @param {any[]} messages @param {number} id */
export function below(messages, id) {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle].message_id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index after the last message with this id or a lower one. @param {any[]} messages @param {number} id */
function above(messages, id) {
  return below(messages, id + 1);
}
