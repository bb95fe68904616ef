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
const ELEMENTS = {
  "roomcast-inbox": RoomcastInbox,
  "roomcast-chat": RoomcastChat,
  "roomcast-launcher": RoomcastLauncher,
  "roomcast-badge": RoomcastBadge,
};

if (globalThis.customElements) {
  for (const [name, element] of Object.entries(ELEMENTS)) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
}

export { configure, RoomcastBadge, RoomcastChat, RoomcastInbox, RoomcastLauncher };
