/**
 * The elements of roomcast: `<script type="module" src="/chat/ui/roomcast.js">` defines them.
 * Importing the module where there is no DOM does nothing.
 */

import { RoomcastBadge } from "./badge.js";
import { defineElements } from "./base.js";
import { RoomcastChat } from "./chat.js";
import { RoomcastInbox } from "./inbox.js";
import { RoomcastLauncher } from "./launcher.js";
import { configure } from "./session.js";

defineElements({ inbox: RoomcastInbox, chat: RoomcastChat, launcher: RoomcastLauncher, badge: RoomcastBadge });

export { configure, RoomcastBadge, RoomcastChat, RoomcastInbox, RoomcastLauncher };
