/** Turns a light session into a whole one: the client of the SDK, with what the elements hear of it. */

import { Chat } from "../sdk/chat.js";
import { loadModule } from "../sdk/loading.js";

/** Who the user is, is asked for with the first use that needs it, else after the first messages. @param {any} session @param {{ token?: string, getToken?: () => any }} login */
export function openChat(session, login) {
  const chat = /** @type {any} */ (new Chat({ server: session.server, ...login }, true));
  const isNow = () => session.chat === chat;
  chat.on("unread", (/** @type {any} */ unread) => isNow() && session.count(unread));
  chat.on("state", (/** @type {any} */ { state }) => isNow() && session.turn(state));
  chat.on("signedout", (/** @type {any} */ { error }) => isNow() && session.refused(error?.code));
  chat.on("message", (/** @type {any} */ detail) => {
    if (document.visibilityState === "visible" && document.hasFocus()) return;
    const speaker = speakerOf(session.holders);
    if (speaker) loadModule(() => import("./lazy-notify.js")).then(({ notify }) => notify(chat, speaker, detail), () => {}); // offline nothing arrives
  });
  chat.ready.then(
    () => isNow() && session.tell("ready"),
    () => {}, // signed out, which the event tells
  );
  return chat;
}

/** The element that shows a notification: one that can open the room, if there is one; not a framework's hooks. @param {Set<any>} holders */
function speakerOf(holders) {
  const all = [...holders].filter((one) => one.emit);
  return all.find((one) => one.view?.select) ?? all[0];
}
