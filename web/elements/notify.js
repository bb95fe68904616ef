/** Notifications of the browser: while no window of the chat is looked at, from one tab alone. */

import { summaryOf, nameOf, titleOf } from "./people.js";

/** Whether the user can still be asked; asking is only done on a click. */
export function canAsk() {
  return "Notification" in globalThis && Notification.permission === "default";
}

export async function askPermission() {
  return (await Notification.requestPermission()) === "granted";
}

/**
 * Shows what arrives while the page is hidden.
 * @param {any} chat the chat of the SDK
 * @param {(name: string, detail: any, cancelable?: boolean) => boolean} emit on the element in charge
 * @param {(room: number) => void} open shows a room
 * @param {() => any} words
 * @returns {() => void}
 */
export function notifyHidden(chat, emit, open, words) {
  return chat.on("message", (/** @type {any} */ detail) => {
    const isSeen = document.visibilityState === "visible" && document.hasFocus();
    if (isSeen || !chat.snapshot.leads) return;
    const item = chat.inbox.snapshot.rooms.find((/** @type {any} */ room) => room.room_id === detail.room_id);
    if (item?.muted || !emit("notify", { room: detail.room_id, message: detail.message ?? detail }, true)) return;
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
    const said = words();
    const message = detail.message ?? detail;
    const title = item ? titleOf(item, chat.me?.user_id, said) : nameOf(item, message.sender_id, said);
    const about = { body: summaryOf(message, said), tag: `roomcast ${detail.room_id}`, lang: said.tag };
    const shown = new Notification(title, about);
    shown.onclick = () => {
      window.focus();
      shown.close();
      open(detail.room_id);
    };
  });
}
