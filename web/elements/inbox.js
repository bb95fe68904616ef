/** `<roomcast-inbox>`: all conversations of the user. */

import { RoomcastElement } from "./base.js";

export class RoomcastInbox extends RoomcastElement {
  static get observedAttributes() {
    return [...super.observedAttributes, "room", "filter", "context-prefix", "history", "search", "list-only", "composer", "heading", "placeholder", "suggestion", "enter"];
  }

  joined() {
    void this.build();
  }

  /** @param {any} views @param {any} chat */
  makeView(views, chat) {
    return new views.InboxView(this, chat);
  }
}
