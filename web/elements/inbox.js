/** `<roomcast-inbox>`: all conversations of the user. */

import { RoomcastElement } from "./base.js";
import { insist } from "./session.js";

export class RoomcastInbox extends RoomcastElement {
  static get observedAttributes() {
    return [...super.observedAttributes, "room", "filter", "context-prefix", "history", "search", "list-only", "composer", "heading", "placeholder", "suggestion", "enter"];
  }

  joined() {
    void this.build();
  }

  /** @param {any} known */
  ownViews(known) {
    return known?.InboxView ? known : insist(() => import("./lazy-inbox.js"));
  }

  /** @param {any} views @param {any} chat */
  makeView(views, chat) {
    return new views.InboxView(this, chat);
  }
}
