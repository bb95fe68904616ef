import { Changes } from "./changes.js";
import { explain } from "./cross-origin.js";
import { forget, noticeInList } from "./list-changes.js";
import { isSameUser, isWith } from "./members.js";
import { pumpRoom } from "./room-frames.js";
import { adopt, inform } from "./room-info.js";
import { resume } from "./sending.js";
import { findMade, join, share } from "./tabs.js";
import { changeMessages } from "./timeline-frames.js";

/** Calls that are made now and then: loaded with the first of them. */

/** @typedef {import("./chat.js").Chat} Chat */
/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./types.js").UserId} UserId */
/** @typedef {import("./types.js").WireMessage} WireMessage */

const KNOWN_WITHIN = 1_000; // ms that a sign-out waits for the answer who the user is
const ERASED_WITHIN = 5_000; // ms that a sign-out waits for the storage, which erases as long as it takes
const PAGES = 5; // of the room list that are looked through for the room with somebody

/** The query of the next page. @param {string | null} next */
const queryOf = (next) => (next ? Object.fromEntries(new URL(next).searchParams) : null);

// ------------------------------------------------------------ of the chat

/** The user is a member of every room that they make, named or not. @param {Chat} chat @param {{ members: UserId[], title?: string, context?: string }} fields */
export async function open(chat, { members, ...fields }) {
  chat._identify?.();
  const { user_id } = await chat.ready;
  const all = members.some((one) => isSameUser(one, user_id)) ? members : [user_id, ...members];
  return chat.room((await chat.request("POST", "chat/create/", { body: { members: all, ...fields } })).room_id);
}

/**
 * @param {Chat} chat
 * @param {string} words
 * @param {{ room?: number, signal?: AbortSignal }} [where]
 */
export function search(chat, words, { room, signal } = {}) {
  return searchPage(chat, { q: words, ...(room && { room_id: String(room) }) }, signal);
}

/**
 * @param {Chat} chat
 * @param {Record<string, string>} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<import("./types.js").Results>}
 */
async function searchPage(chat, query, signal) {
  const { results, next } = await chat.request("GET", "chat/search/", { query, signal });
  const rest = queryOf(next);
  return { results, next: rest && (() => searchPage(chat, rest, signal)) };
}

/** @param {Chat} chat @returns {Promise<any>} */
export function config(chat) {
  chat._config ??= chat.request("GET", "chat/config/").catch((error) => {
    chat._config = null;
    throw error;
  });
  return chat._config;
}

/** @param {Chat} chat @returns {Promise<{ user_id: UserId, at: string }[]>} */
export async function blocks(chat) {
  return (await chat.request("GET", "chat/blocks/")).results;
}

/** @param {Chat} chat @param {UserId} user */
export function block(chat, user) {
  return chat.request("POST", `chat/blocks/${encodeURIComponent(user)}/`);
}

/** @param {Chat} chat @param {UserId} user */
export function unblock(chat, user) {
  return chat.request("DELETE", `chat/blocks/${encodeURIComponent(user)}/`);
}

/** Waits a moment for who the user is: their other tabs hear of it by that. @param {Chat} chat */
export async function signOut(chat) {
  chat._identify?.();
  await within(KNOWN_WITHIN, chat.ready.catch(() => {}));
  const erased = chat._vault("erase");
  if (chat.me) chat._tabs ??= Promise.resolve(join(chat, () => {}));
  (await chat._tabs)?.post({ signOut: true });
  void chat._vault("erase"); // what was stored meanwhile
  chat.end();
  await within(ERASED_WITHIN, erased);
}

/** Sends at once what waits. @param {Chat} chat */
export function resumeAll(chat) {
  for (const room of chat._rooms.values()) resume(room);
}

/**
 * What is new since the last frame of notifications.
 * @param {import("./inbox.js").Inbox} inbox
 * @param {Map<number, import("./types.js").Notice>} notices
 * @param {Map<number, import("./types.js").Notice> | null} known those before, null where these are the first
 */
export function notice({ chat, _list: list }, notices, known) {
  if (list) void noticeInList(list, notices, known);
  for (const one of known ? notices.values() : []) {
    const before = known?.get(one.room_id);
    if (!before || before.created_at < one.created_at) announce(chat, one);
  }
}

/** A notice of a new message: an event, unless an open room has told of it. @param {Chat} chat @param {import("./types.js").Notice} notice */
function announce(chat, { room_id, last_message: text, sender_id, created_at, status }) {
  findMade(chat, room_id);
  if ([...chat._rooms.values()].some(({ id, _connection: connection }) => id === room_id && connection.state === "open")) return;
  chat._emit("message", { room_id, message: { room_id, text, sender_id, created_at, status }, live: false });
}

/** @param {number} ms @param {Promise<unknown>} done */
const within = (ms, done) => Promise.race([done, new Promise((resolve) => setTimeout(resolve, ms))]);

/** The room of two that is there already. @param {Chat} chat @param {{ user: UserId, context: string }} peer @param {any} first the first page, where it was asked for */
async function seek(chat, peer, first) {
  /** @type {any} */
  let query = { context: peer.context, page_size: "100" };
  for (let page = 0; query && page < PAGES; page++) {
    const asking = (page === 0 && first) || chat.request("GET", "chat/receive/", { query });
    Promise.resolve(asking).catch((error) => explain(chat, error));
    const { results, next } = await asking;
    const found = results.find((/** @type {import("./types.js").RoomInfo} */ one) => isWith(one, peer));
    if (found) return found;
    query = queryOf(next);
  }
  return null;
}

/** Who that is, where the user shares a newer room with them; a room that is not made yet has no members. @param {Room} room */
async function meetPeer(room) {
  const peer = /** @type {NonNullable<typeof room._peer>} */ (room._peer);
  if (peer.member) return;
  const page = await room.chat.request("GET", "chat/receive/").catch(() => ({ results: [] })); // then without a name
  const members = page.results.flatMap((/** @type {import("./types.js").RoomInfo} */ one) => one.members);
  const known = members.find((/** @type {import("./types.js").Member} */ one) => isSameUser(one.user_id, peer.user));
  peer.member = known ?? { user_id: peer.user, name: null, picture: null, online: false, last_seen: null };
  room._changed();
}

// ------------------------------------------------------------ of a room

/** @param {Room} room @param {string} method @param {string} path @param {import("./types.js").Call} [call] */
function callOf(room, method, path, call) {
  return room.chat.request(method, `chat/rooms/${room.id}/${path}`, call);
}

/** The room with the peer: the one that is there, or a new one for the first message. @param {Room} room @param {any} [first] the first page of the list, where it was asked for */
export async function find(room, first) {
  const { chat } = room;
  const peer = /** @type {NonNullable<typeof room._peer>} */ (room._peer);
  const { user, context, title } = peer;
  if (room._outgoing.length) {
    room.id = (await chat.request("POST", "chat/create/", { body: { second_user: user, context, title } })).room_id;
  } else {
    const found = await seek(chat, peer, first);
    if (found) {
      room.info = found;
      adopt(room);
    } else {
      room._starting = null;
      void chat.inbox._listen(); // the other one may write first
      void meetPeer(room);
    }
    room._isLoaded ||= !found;
  }
  room._changed();
  if (room.id === null && room._outgoing.length) await find(room);
}

/** @param {Room} room @param {number} message_id @param {string} text */
export function edit(room, message_id, text) {
  return change(room, { action: "edit", message_id, text });
}

/** @param {Room} room @param {number} message_id */
export function deleteMessage(room, message_id) {
  return change(room, { action: "delete", message_id });
}

/** @param {Room} room @param {number} message_id @param {string} emoji @param {boolean} [on] the other way round where left out */
export function react(room, message_id, emoji, on) {
  return change(room, { action: "react", message_id, emoji, on });
}

/** @param {Room} room @param {import("./changes.js").Change} wish */
function change(room, wish) {
  const changed = (room._changes ??= new Changes(room)).add(wish);
  room._begin();
  pumpRoom(room);
  room._changed();
  return changed;
}

/** What the site answers to this user alone, if anything. @param {Room} room @param {number} message_id @param {string} id @param {object} [params] @returns {Promise<string | undefined>} */
export async function act(room, message_id, id, params) {
  const { reply, ...message } = await callOf(room, "POST", `messages/${message_id}/act/`, { body: { id, params } });
  putFresh(room, message);
  room._changed();
  return reply;
}

/** A message as the server has it now. @param {Room} room @param {WireMessage} message */
function putFresh({ _timeline: timeline }, message) {
  if (timeline.messages.has(message.message_id)) timeline.put(message);
}

/** @param {Room} room @param {number} message_id @param {"spam" | "abuse" | "fraud" | "other"} reason @param {string} [text] */
export function report(room, message_id, reason, text) {
  return callOf(room, "POST", `messages/${message_id}/report/`, { body: { reason, text } });
}

/** @param {Room} room @param {number} id */
export async function refresh(room, id) {
  const { messages } = await callOf(room, "GET", "messages/", { query: { before: String(id + 1), limit: "1" } });
  for (const message of messages) putFresh(room, message);
  room._changed();
}

/** @param {Room} room @param {{ title?: string, muted?: boolean, archived?: boolean, marked_unread?: boolean }} changes */
export async function update(room, changes) {
  inform(room, await callOf(room, "PATCH", "", { body: changes }));
}

/** @param {Room} room @param {UserId} user_id */
export async function addMember(room, user_id) {
  await callOf(room, "POST", "members/", { body: { user_id } });
  await room.reload();
}

/** @param {Room} room @param {UserId} user_id */
export async function removeMember(room, user_id) {
  await callOf(room, "DELETE", `members/${encodeURIComponent(user_id)}/`);
  await room.reload();
}

/** @param {Room} room */
export async function leave(room) {
  await callOf(room, "DELETE", `members/${encodeURIComponent(String(room.chat.me?.user_id))}/`);
  forget(room.chat.inbox, room.id);
}

/** @param {Room} room */
export async function remove(room) {
  await room.chat.request("DELETE", `chat/delete/${room.id}/`);
  forget(room.chat.inbox, room.id);
}

/** @param {Room} room */
export async function reload(room) {
  const asking = callOf(room, "GET", "");
  asking.catch((error) => explain(room.chat, error));
  const info = await asking;
  const isLive = room._connection.state === "open"; // then frames, which may be newer than the answer, tell who is online
  const members = info.members.map((/** @type {import("./types.js").Member} */ one) => ({ ...one, ...(isLive && room._met.get(String(one.user_id))) }));
  inform(room, { ...info, members });
}

// ------------------------------------------------------------ the window of a room

/** @param {Room} room */
export function older(room) {
  return load(room, "older", { before: room._timeline.oldest }, { isMore: () => room._timeline.hasOlder });
}

/** @param {Room} room */
export function newer(room) {
  return load(room, "newer", { after: room._timeline.last }, { isMore: () => room._timeline.hasNewer });
}

/** @param {Room} room @param {number} id @param {{ signal?: AbortSignal }} [call] */
export async function around(room, id, { signal } = {}) {
  const { messages } = room._timeline;
  if (!messages.has(id)) await load(room, "around", { around: id }, { signal });
  return messages.has(id);
}

/** @param {Room} room @param {Date | string} time @param {{ signal?: AbortSignal }} [call] */
export function at(room, time, { signal } = {}) {
  return load(room, "around", { at: new Date(time).toISOString() }, { signal });
}

/** @param {Room} room */
export function latest(room) {
  return load(room, "around", {}, { isMore: () => room._timeline.hasNewer });
}

/**
 * @param {Room} room
 * @param {"older" | "newer" | "around"} kind
 * @param {object} query
 * @param {{ isMore?: () => boolean, signal?: AbortSignal }} [how]
 */
async function load(room, kind, query, { isMore = () => true, signal } = {}) {
  const { _timeline: timeline } = room;
  if (isMore() && room.id && (!room.loading || kind === "around")) {
    if (kind === "around") timeline.turn++;
    const { turn } = timeline;
    room.loading = kind;
    room._changed();
    try {
      await loadPage(timeline, kind, () => callOf(room, "GET", "messages/", { query: { ...query, limit: "50" }, signal }));
    } finally {
      if (turn === timeline.turn) room.loading = null;
      room._changed();
    }
  }
  return isMore();
}

/**
 * Loads a page; changes that arrive meanwhile hold whichever comes first. A page of a window that is not there
 * any more is dropped: it would leave a hole between its messages and the others.
 * @param {import("./timeline.js").Timeline} timeline
 * @param {"older" | "newer" | "around"} kind around replaces the window
 * @param {() => Promise<{ messages: WireMessage[], has_more: boolean, has_newer?: boolean }>} request
 */
async function loadPage(timeline, kind, request) {
  const { turn, resets } = timeline;
  timeline.pages++;
  try {
    const page = await request();
    if (turn !== timeline.turn || (kind !== "around" && resets !== timeline.resets)) return;
    if (kind === "around") timeline.messages.clear();
    timeline._isSorted = false;
    if (kind !== "newer") timeline.hasOlder = page.has_more;
    if (kind !== "older") timeline.hasNewer = page.has_newer ?? (kind === "newer" && page.has_more);
    for (const message of page.messages) timeline.put(message);
    if (!timeline.hasNewer) timeline.missed = 0;
    for (const frame of [...timeline.log]) changeMessages(timeline, frame);
  } finally {
    if (!--timeline.pages) timeline.log = [];
  }
}

export { explain } from "./cross-origin.js";
export { catchUp, noticeMeanwhile, refreshList } from "./list-changes.js";
export { keepDraft, publish, pumpRoom, read, receive, stop, turned, typing } from "./room-frames.js";
export { adopt } from "./room-info.js";
export { follow } from "./same-room.js";
export { dropped, resend } from "./sending.js";
export { renewBy, renewLater } from "./renewal.js";
export { join } from "./tabs.js";
