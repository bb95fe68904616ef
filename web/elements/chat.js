/** `<roomcast-chat>`: one conversation, by its room or by who it is with. */

import { RoomcastElement } from "./base.js";

const CHAT_ATTRIBUTES = ["room", "with", "context", "message", "heading", "composer", "placeholder", "suggestion", "enter"];

export class RoomcastChat extends RoomcastElement {
  static get observedAttributes() {
    return [...super.observedAttributes, ...CHAT_ATTRIBUTES];
  }

  joined() {
    void this.build();
  }

  /** @param {any} views @param {any} chat */
  makeView(views, chat) {
    return new views.SingleView(this, chat);
  }

  /** Shows another conversation. @param {any} room its id, or `{ with, context }` @param {{ message?: number }} [how] */
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
}
