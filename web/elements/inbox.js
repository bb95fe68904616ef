/** `<roomcast-inbox>`: all conversations of the user. */

import { RoomcastElement } from "./base.js";

const INBOX_ATTRIBUTES = ["room", "filter", "context-prefix", "history", "search", "list-only", "composer", "heading"];

export class RoomcastInbox extends RoomcastElement {
  static get observedAttributes() {
    return [...super.observedAttributes, ...INBOX_ATTRIBUTES];
  }

  joined() {
    void this.build();
  }

  /** @param {any} views @param {any} chat */
  makeView(views, chat) {
    return new views.InboxView(this, chat);
  }

  get history() {
    const value = this.getAttribute("history");
    return value === "hash" || value === "query" ? value : "none";
  }

  /** Shows a conversation. @param {any} room its id, or `{ with, context }` @param {{ message?: number }} [how] */
  async select(room, how = {}) {
    return (await this.shown())?.select(room, how);
  }

  /** @param {{ text?: string, files?: File[], data?: object }} draft */
  async send(draft) {
    (await this.shown())?.sendByScript(draft.files ?? [], draft);
  }

  /** Puts text into the composer. @param {string} text */
  async insert(text) {
    (await this.shown())?.open?.composer?.insert(text);
  }

  async focusComposer() {
    (await this.shown())?.open?.focus();
  }

  /** Searches conversations and messages. @param {string} words */
  async find(words) {
    (await this.shown())?.list.find(words);
  }
}
