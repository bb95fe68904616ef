/** Everything that the elements load when they have something to show. */

export { connect } from "../sdk/index.js";
export { wordsFor } from "./words.js";
export { LauncherPanel } from "./launcher-panel.js";
export { InboxView } from "./inbox-view.js";
export { SingleView } from "./single-view.js";
export { notifyHidden } from "./notify.js";
