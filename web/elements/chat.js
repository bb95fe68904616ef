/** `<roomcast-chat>`: one conversation, by its room or by who it is with. */

import { RoomcastElement } from "./base.js";

export class RoomcastChat extends RoomcastElement {
  static get observedAttributes() {
    return [...super.observedAttributes, "room", "with", "context", "message", "heading", "composer", "placeholder", "suggestion", "enter"];
  }

  joined() {
    void this.build();
  }

  /** @param {any} views @param {any} chat */
  makeView(views, chat) {
    return new views.SingleView(this, chat);
  }
}
