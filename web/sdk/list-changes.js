/** What changes the list of rooms once it is loaded: a part of what is loaded with the calls. */

import { isSameUser, met } from "./members.js";

/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").Notice} Notice */
/** @typedef {import("./lazy-list.js").List} List */

const NOTICES = 100; // rooms in a frame of notifications
const RECENT = 10_000; // ms in which the list is not asked for again when the window is looked at
const SINGLE = 5; // unknown rooms that are asked for one by one; more: the list is loaded again

/**
 * What the user has done on another device is told by no notice: the newest rooms are asked for when
 * the window is looked at again. What changes meanwhile holds.
 * @param {List} list
 */
export async function refreshList(list) {
  const { chat, _items: items, _filter: filter } = list;
  const page = /** @type {{ hidden?: boolean } | undefined} */ (Reflect.get(globalThis, "document"));
  if (page?.hidden || !list._isLoaded || list._loading || Date.now() - list._loadedAt < RECENT) return;
  list._loadedAt = Date.now();
  const before = new Map(items);
  const found = await chat.request("GET", "chat/receive/", { query: Object.fromEntries(list._query) }).catch(() => null); // the next look asks again
  if (!found || filter !== list._filter || list._loading) return;
  const isSame = (/** @type {number} */ id) => items.get(id) === before.get(id);
  const ids = new Set(found.results.map((/** @type {Item} */ { room_id }) => room_id));
  const last = found.results.at(-1);
  const oldest = found.next ? (last.last_message?.created_at ?? last.created_at) : "";
  for (const [id, item] of before) {
    const activeAt = item.last_message?.created_at ?? item.created_at;
    if (!ids.has(id) && isSame(id) && activeAt > oldest) items.delete(id);
  }
  for (const room of found.results) if (isSame(room.room_id)) list._keep(room);
  list.inbox._changed();
}

/** What an open room has received while the list was on its way. @param {List} list */
export function catchUp(list) {
  for (const { id, snapshot } of list.chat._rooms.values()) {
    const last = snapshot.messages.at(-1);
    const known = list._items.get(id ?? 0)?.last_message?.message_id ?? 0;
    if (last && last.message_id > known) touch(list, id, last);
  }
}

/** @param {List | null} list @param {number | null} id @param {import("./types.js").WireMessage} [message] the last one; there is none any more where it is left out */
export function touch(list, id, message) {
  const last = list?._items.get(id ?? 0)?.last_message;
  if (!list || last === undefined) return;
  if (!message) return void (last && list._patch(/** @type {number} */ (id), { last_message: null }));
  const { message_id, text: content, attachments, created_at, sender_id, status, kind } = message;
  if (last?.message_id === message_id && last.content === content && last.status === status) return;
  const from_this_user = isSameUser(sender_id, list.chat._user);
  list._patch(/** @type {number} */ (id), { last_message: { content, attachments, created_at, from_this_user, message_id, sender_id, status, kind } });
}

/** The user has written, maybe in another tab and as the first in a room. @param {List} list @param {import("./types.js").WireMessage} message */
export async function touchSent(list, message) {
  const { room_id: id } = message;
  const { chat, _items: items } = list;
  if (!items.has(id) && list._isWhole && !list._filter.unread) {
    const room = await chat.request("GET", `chat/rooms/${id}/`).catch(() => null); // the next loading of the list has it
    if (room && !room.archived && !items.has(id)) list._keep(room);
    list.inbox._changed();
  }
  touch(list, id, message);
}

/** @param {import("./inbox.js").Inbox} inbox @param {number | null} id */
export function forget({ _list: list }, id) {
  if (list?._items.delete(id ?? 0)) list.inbox._changed();
}

/** @param {List} list @param {import("./types.js").UserId} user @param {Partial<import("./types.js").Member>} presence */
export function meetInList(list, user, presence) {
  for (const item of list._items.values()) {
    const isIn = item.members.some((one) => isSameUser(one.user_id, user));
    if (isIn) list._patch(item.room_id, { members: met(item.members, user, presence) });
  }
}

/** @param {List} list @param {number} id */
export function readInList(list, id) {
  const item = list._items.get(id);
  if (item?.unread || item?.marked_unread) list._patch(id, { unread: 0, marked_unread: false });
}

/**
 * @param {List} list
 * @param {Map<number, Notice>} notices of the rooms that have unread messages
 * @param {Map<number, Notice> | null} known those before, null where these are the first
 */
export async function noticeInList(list, notices, known) {
  const unknown = [];
  for (const [id, notice] of notices) {
    if (list._items.has(id)) applyNotice(list, notice);
    else if (known && !known.has(id)) unknown.push(id);
  }
  if (notices.size < NOTICES) {
    for (const { room_id, unread } of list._items.values()) if (unread && !notices.has(room_id)) list._patch(room_id, { unread: 0 });
  }
  if (!list._isWhole) return;
  try {
    if (unknown.length > SINGLE) await list.reload();
    else for (const id of unknown) await meetRoom(list, id);
    list.inbox._changed();
  } catch {
    list.inbox._isMissing = true; // the list is loaded with the next connection
  }
}

/** A room that the list does not have yet. @param {List} list @param {number} id */
async function meetRoom(list, id) {
  const { chat, inbox } = list;
  const { _notices: before } = inbox;
  list._keep(await chat.request("GET", `chat/rooms/${id}/`));
  const notice = inbox._notices?.get(id);
  if (before === inbox._notices) return;
  if (notice) applyNotice(list, notice);
  else if ((inbox._notices?.size ?? 0) < NOTICES) list._patch(id, { unread: 0 });
}

/**
 * What was notified while a page was on its way, which may be older.
 * @param {List} list
 * @param {Map<number, Notice> | null} before the notices when the page was asked for
 */
export async function noticeMeanwhile(list, before) {
  const { rooms, hasMore } = list._build();
  const last = rooms.at(-1);
  const oldest = (hasMore && (last?.last_message?.created_at ?? last?.created_at)) || "";
  const notices = /** @type {Map<number, Notice>} */ (list.inbox._notices);
  const known = before ?? new Map([...notices].filter(([, { created_at }]) => created_at < oldest)); // these are on later pages
  await noticeInList(list, notices, known);
}

/** @param {List} list @param {Notice} notice */
function applyNotice(list, { room_id, counter_by_room: unread, last_message: content, status, sender_id, created_at, about }) {
  const last = /** @type {Item} */ (list._items.get(room_id)).last_message;
  const isSame = last?.created_at === created_at && last?.content === content;
  const isOlder = last && (last.from_this_user || isSame) && last.created_at >= created_at;
  const fresh = isOlder ? last : { content, created_at, sender_id, status, from_this_user: false };
  list._patch(room_id, { unread, last_message: fresh, ...(about && { about }) });
}
