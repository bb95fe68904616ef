/** Which of the loaded messages stand in the page: a window that follows the reader. */

export const MOST = 180; // messages in the page; with lines between them fewer than 250 rows
export const STEP = 50; // messages that come when the reader nears an edge

export class MessageWindow {
  /** @type {number} */
  #from = 0; // id of the first message shown, 0: as many as there is room for
  /** @type {number} */
  #to = Infinity; // id of the last message shown, Infinity: the newest

  /** The messages to show, of all loaded ones. @param {any[]} messages @param {boolean} atNewest whether the reader looks at the end */
  slice(messages, atNewest) {
    const end = this.#to === Infinity ? messages.length : below(messages, this.#to + 1);
    let start = this.#from ? below(messages, this.#from) : Math.max(0, end - MOST);
    if (end - start > MOST) {
      if (atNewest) start = end - STEP * 2;
      else return this.show(messages, start, start + MOST);
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
    this.show(messages, Math.max(0, at - count), Math.min(messages.length, at + count));
  }

  /** Shows those from one index up to another. @param {any[]} messages @param {number} start @param {number} end */
  show(messages, start, end) {
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
