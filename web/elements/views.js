/** What the elements show, and the client that it is made from: loaded when an element has something to show. */

export { InboxView } from "./inbox-view.js";
export { openChat } from "./open-chat.js";
export { SingleView } from "./single-view.js";
export { wordsOf } from "./words.js";
