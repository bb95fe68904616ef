/** Everything that the elements load when they have something to show. */

export { wordsFor } from "./words.js";
export { LauncherPanel } from "./launcher-panel.js";
export { InboxView } from "./inbox-view.js";
export { SingleView } from "./single-view.js";
export { openChat } from "./open-chat.js";
