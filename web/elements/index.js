/**
 * The elements of roomcast: `<script type="module" src="/chat/ui/roomcast.js">` defines them.
 * Importing the module where there is no DOM does nothing.
 */

import { RoomcastBadge } from "./badge.js";
import { RoomcastChat } from "./chat.js";
import { RoomcastInbox } from "./inbox.js";
import { RoomcastLauncher } from "./launcher.js";
import { configure } from "./session.js";

/** @type {Record<string, any>} */
const ELEMENTS = { inbox: RoomcastInbox, chat: RoomcastChat, launcher: RoomcastLauncher, badge: RoomcastBadge };

if (globalThis.customElements) {
  for (const name in ELEMENTS) {
    if (!customElements.get(`roomcast-${name}`)) customElements.define(`roomcast-${name}`, ELEMENTS[name]);
  }
}

export { configure, RoomcastBadge, RoomcastChat, RoomcastInbox, RoomcastLauncher };
