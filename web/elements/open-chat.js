/** Turns a light session into a whole one: the client of the SDK, with what the elements hear of it. */

import { connect } from "../sdk/index.js";
import { join, openStorage, openVault, restore, save, share } from "../sdk/lazy-browser.js";
import { bundled } from "../sdk/storage.js";
import { notifyHidden } from "./notify.js";

/** @param {any} session @param {{ token?: string, getToken?: () => any }} login */
export function openChat(session, login) {
  bundled._browser = Promise.resolve({ join, openStorage, openVault, restore, save, share }); // one request fewer
  const chat = /** @type {any} */ (connect({ server: session.server, ...login }));
  const isNow = () => session.chat === chat;
  chat.on("unread", (/** @type {any} */ unread) => isNow() && session.count(unread));
  chat.on("state", (/** @type {any} */ { state }) => isNow() && session.turn(state));
  chat.on("signedout", (/** @type {any} */ { error }) => isNow() && session.end(error?.code));
  notifyHidden(chat, () => speakerOf(session.holders));
  chat.ready.then(
    (/** @type {any} */ user) => isNow() && session.tell("ready", user),
    () => {}, // signed out, which the event tells
  );
  return chat;
}

/** The element that shows a notification: one that can open the room, if there is one. @param {Set<any>} elements */
function speakerOf(elements) {
  const all = [...elements];
  return all.find((one) => one.view?.select) ?? all[0];
}
