/** What a user may do with the messages of a conversation; the rest is loaded after the first of them. */

import { HistoryView } from "./history.js";

export class MessageHistory extends HistoryView {
  /** Whether the user has a right in this room; unknown rights are left to the server. @param {string} right */
  may(right) {
    const { can, state, info } = this.snapshot;
    if (state === "ended" || info?.frozen) return false;
    return !can || can.includes(right);
  }

  /** @param {number} message_id @param {string} emoji @param {boolean} on */
  react(message_id, emoji, on) {
    this.attempt(this.model.react(message_id, emoji, on));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    this.extras?.key(event);
  }

  /** Whether a message that is not loaded yet is on its way. */
  get isJumping() {
    return Boolean(this.extras?.jumps.isUnderWay);
  }

  /** A refusal is told to the user in words. @param {Promise<any>} doing */
  attempt(doing) {
    doing.catch((/** @type {any} */ error) => this.parts.notice(this.reason(error), true));
  }

  /** @param {any} error */
  reason(error) {
    return this.words.reason(error?.code, this.parts.limits());
  }
}
