/** Notifications of the browser: while no window of the chat is looked at, from one tab alone. */

import { summaryOf, titleOf } from "./people.js";

/**
 * Shows what arrives while the page is hidden or not looked at.
 * @param {any} chat the chat of the SDK
 * @param {() => any} speaker the element that tells the site, and opens the room on a click
 * @returns {() => void}
 */
export function notifyHidden(chat, speaker) {
  return chat.on("message", (/** @type {any} */ detail) => {
    const element = speaker();
    const isSeen = document.visibilityState === "visible" && document.hasFocus();
    const item = chat.inbox.snapshot.rooms.find((/** @type {any} */ room) => room.room_id === detail.room_id);
    if (!element?.words || isSeen || !chat.snapshot.leads || item?.muted) return;
    if (!element.emit("notify", { room: detail.room_id, message: detail.message ?? detail }, true)) return;
    if ("Notification" in globalThis && Notification.permission === "granted") void show(element, item, detail);
  });
}

/** @param {any} element @param {any} known the room, where the list has it @param {any} detail */
async function show(element, known, { room_id, message, ...rest }) {
  const { words, user, session } = element;
  const item = known ?? (await session.request("GET", `chat/rooms/${room_id}/`).catch(() => null));
  if (item?.muted) return;
  const title = item ? titleOf(item, user?.user_id, words) : words.say("chats");
  const about = { body: summaryOf(message ?? rest, words), tag: `roomcast ${room_id}`, lang: words.tag };
  const shown = new Notification(title, about);
  shown.onclick = () => {
    window.focus();
    shown.close();
    void element.select?.(room_id);
  };
}
