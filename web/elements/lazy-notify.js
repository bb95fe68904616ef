/** Notifications of the browser: loaded with the first message that comes while no window of the chat is looked at. */

import { summaryOf, titleOf } from "./people.js";

/**
 * Shows a message, from one tab alone.
 * @param {any} chat the chat of the SDK
 * @param {any} element that tells the site, and opens the room on a click
 * @param {any} detail of the event
 */
export function notify(chat, element, detail) {
  const item = chat.inbox.snapshot.rooms.find((/** @type {any} */ room) => room.room_id === detail.room_id);
  if (!element?.words || !chat.snapshot.leads || item?.muted) return;
  if (!element.emit("notify", { room: detail.room_id, message: detail.message ?? detail }, true)) return;
  if ("Notification" in globalThis && Notification.permission === "granted") void show(element, item, detail);
}

/** @param {any} element @param {any} known the room, where the list has it @param {any} detail */
async function show(element, known, { room_id, message, ...rest }) {
  const { words, user, session } = element;
  const item = known ?? (await session.request("GET", `chat/rooms/${room_id}/`).catch(() => null));
  if (item?.muted) return;
  const title = item ? titleOf(item, user?.user_id, words) : words.say("chats");
  const about = { body: summaryOf(message ?? rest, words), tag: `roomcast ${room_id}`, lang: words.tag };
  const shown = made(title, about);
  if (!shown) return;
  shown.onclick = () => {
    window.focus();
    shown.close();
    void element.select?.(room_id);
  };
}

/** Chromium on Android has the class, but lets service workers alone use it. @param {string} title @param {NotificationOptions} about */
function made(title, about) {
  try {
    return new Notification(title, about);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
