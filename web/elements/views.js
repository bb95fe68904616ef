/**
 * What every view is made of, and the view of one conversation: loaded when an element has something
 * to show. What is loaded later imports the rest from here, so that it is there once.
 */

export { bundled } from "../sdk/storage.js";
export { ChatView } from "./chat-view.js";
export { addDrawings, afterPaint, arrange, avatar, bdi, focusedIn, h, hasFeature, icon, iconButton, isWeb, tickOf } from "./dom.js";
export { openChat } from "./open-chat.js";
export { isGroup, isSame, memberOf, nameOf, othersIn, summaryOf, titleOf } from "./people.js";
export { addSheet } from "./sheets.js";
export { Shell } from "./shell.js";
export { SingleView } from "./single-view.js";
export { wordsOf } from "./words.js";
