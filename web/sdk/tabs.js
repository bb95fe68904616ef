/** The tabs of one user, and what they tell each other: loaded with the calls. */

import { readInList, touchSent } from "./list-changes.js";
import { isWith } from "./members.js";

/** @typedef {{ touch?: import("./types.js").WireMessage, read?: number, cancel?: string, signOut?: true }} News */

/**
 * The other tabs of this user. One of them leads: it shows notifications.
 * @param {import("./chat.js").Chat} chat
 * @param {() => void} lead is called in the tab that leads, now or later
 * @returns {{ post: (news: News) => void, close: () => void }}
 */
export function join(chat, lead) {
  const name = `roomcast ${chat.session.server.href} ${chat.me?.user_id}`;
  const channel = globalThis.BroadcastChannel && new BroadcastChannel(name);
  if (channel) channel.onmessage = ({ data }) => takeNews(chat, data);
  /** @type {{ unref?: () => void } | undefined} */ (channel)?.unref?.();
  const closing = new AbortController();
  const begin = () => {
    lead();
    void sendUnsent(chat);
  };
  const locks = globalThis.navigator?.locks;
  const held = () => new Promise((resolve) => closing.signal.addEventListener("abort", resolve));
  if (!locks) begin();
  else {
    const whileOpen = () => (begin(), held());
    locks.request(name, { signal: closing.signal }, whileOpen).catch(() => closing.signal.aborted || begin()); // where a browser forbids locks, each tab leads
  }
  return {
    post: (news) => channel?.postMessage(news),
    close() {
      closing.abort();
      channel?.close();
    },
  };
}

/** Sends what earlier pages have not sent, also in conversations that are not shown. @param {import("./chat.js").Chat} chat */
async function sendUnsent(chat) {
  if (!(await chat._vault("isFilled"))) return;
  const keys = /** @type {string[]} */ ((await chat._vault("keys", "outbox ")) ?? []);
  for (const key of new Set(keys.map((one) => one.split(" ")[1]))) {
    const [, user, context] = /^with (\S+) (\S*)$/.exec(decodeURIComponent(key)) ?? []; // others wait until they are shown: a space may be part of either
    const room = Number(key) ? chat.room(Number(key)) : user && chat.with(user, { context });
    if (room) room._begin();
  }
}

/** @param {import("./chat.js").Chat} chat @param {News} news */
export async function share(chat, news) {
  (await chat._tabs)?.post(news);
  takeNews(chat, news);
}

/** What this tab or another one has done. @param {import("./chat.js").Chat} chat @param {News} news */
function takeNews(chat, { touch, read, cancel, signOut }) {
  const { _list: list } = chat.inbox;
  if (touch) {
    if (list) void touchSent(list, touch);
    findMade(chat, touch.room_id);
  }
  if (read && list) readInList(list, read);
  if (cancel) for (const room of chat._rooms.values()) room._outgoing.find((one) => one.client_id === cancel)?.cancel();
  if (!signOut) return;
  void chat._vault("erase"); // what this tab has stored meanwhile
  chat.session.signOut("left");
}

/** A room that is shown, and was not made yet, may be this one. @param {import("./chat.js").Chat} chat @param {number} id */
export function findMade(chat, id) {
  const info = chat._roomOf(id)?.info;
  for (const room of chat._rooms.values()) {
    const { _peer: peer } = room;
    if (room.id === null && peer && room._isUsed && (!info || isWith(info, peer))) room.start();
  }
}
