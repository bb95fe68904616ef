/** What a room does with frames once its first messages are shown: loaded with the calls. */

import { meetInList, touch } from "./list-changes.js";
import { met } from "./members.js";
import { adopt } from "./room-info.js";
import { confirm, pump, refuse, repeat, tell } from "./sending.js";
import { share } from "./tabs.js";
import { applyFrame } from "./timeline-frames.js";

/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./types.js").UserId} UserId */

const TYPING_EVERY = 3_000; // ms between two frames that say that the user is typing
const TYPING_FOR = 6_000; // ms after which the other one is not typing any more
const CLOSE_AFTER = 500; // ms between the last subscription and the end of the connection
const SAVE_AFTER = 500; // ms between a frame and what is stored

// ------------------------------------------------------------ the connection

/** The connection is there, or it has ended. @param {Room} room */
export function turned(room) {
  const { _connection: connection, _timeline: timeline } = room;
  giveUp(room);
  if (connection.state !== "open") return;
  if (room._isUnkept) keepDraft(room, room._draft);
  for (const { timer } of room._typing.values()) clearTimeout(timer);
  room._typing.clear();
  if (room._readUpto > (timeline.receipts.get(room._me)?.read ?? 0)) sendRead(room);
  pumpRoom(room);
}

/** What can't be sent any more: a frame that was too long, and everything where the room is closed to the user. @param {Room} room */
function giveUp(room) {
  const { session } = room.chat;
  const { state, error } = room._connection;
  if (state === "waiting") {
    for (const one of room._outgoing) if (one.state === "sending") refuse(one, session._errors.errorOf({ code: "too_long" }));
  } else if (state === "ended" && error && error !== session.signedOut) {
    for (const one of room._outgoing) if (one.state !== "refused") refuse(one, error);
    room._changes?.end(error);
  }
}

/** Sends what was not sent on this connection. @param {Room} room */
export function pumpRoom(room) {
  room._changes?._pump();
  void pump(room);
}

/** Nobody looks at the room any more. @param {Room} room */
export function stop(room) {
  clearTimeout(room._timer);
  room._timer = setTimeout(() => {
    const isBusy = room._changes?.size || room._outgoing.some((one) => one.state !== "refused");
    if (room._isUsed || isBusy) return;
    save(room);
    room._starting = null;
    room._connection.close();
  }, CLOSE_AFTER);
}

/** What the next page starts with. @param {Room} room */
function save(room) {
  clearTimeout(room._saving);
  room._saving = undefined;
  const { cursor, epoch, hasOlder, hasNewer, receipts, _sorted: all } = room._timeline;
  if (hasNewer || room.id === null) return;
  const kept = { cursor, epoch, messages: all.slice(-50), hasOlder: hasOlder || all.length > 50, receipts: [...receipts.values()], at: Date.now() };
  void room.chat._vault("set", `room ${room.id}`, kept);
}

// ------------------------------------------------------------ frames

/** @param {Room} room @param {any} frame */
export function receive(room, frame) {
  const { type, message, user_id } = frame;
  const { _timeline: timeline } = room;
  const isNew = type === "chat_message" && message.message_id > timeline.newest;
  if (type !== "sync") applyFrame(timeline, frame); // which was done before this was loaded
  room._changes?.apply(frame);
  if (type === "sync") synced(room, frame);
  else if (type === "chat_message") arrived(room, message, isNew);
  else if (type === "receipt") room._emit("receipts", { receipts: [...timeline.receipts.values()] });
  else if (type === "typing") return types(room, user_id);
  else if (type === "presence") return meet(room, frame);
  else if (type === "error") refused(room, frame);
  else if (type === "room_changed") return void room.reload().catch(() => {}); // the next one asks again
  else if (type === "room_deleted") room._emit("deleted", {});
  if (!room._changes?.size && !room._outgoing.length && !room._isUsed) stop(room);
  room._changed();
  room._saving ??= setTimeout(() => save(room), SAVE_AFTER);
}

/** @param {Room} room @param {any} frame */
function synced(room, { messages }) {
  for (const message of messages) stored(room, message);
  room._met.clear();
  if (room._isFound) adopt(room);
  room.reload().catch(() => {}); // who is online and what may be done: no frame tells what was missed; the next connection asks again
}

/** @param {Room} room @param {import("./types.js").WireMessage} message @param {boolean} isNew */
function arrived(room, message, isNew) {
  stopTyping(room, /** @type {UserId} */ (message.sender_id));
  stored(room, message);
  const isOwn = String(message.sender_id) === room._me;
  if (isNew && !isOwn) room.chat._emit("message", { room_id: message.room_id, message, live: true });
  if (isNew && isOwn) void share(room.chat, { touch: message });
}

/** @param {Room} room @param {import("./types.js").WireMessage} message */
function stored(room, message) {
  const outgoing = confirm(room, message);
  if (outgoing) tell(room, "sent", { message, outgoing });
}

/** Tells what is new, also to the list of rooms. @param {Room} room */
export function publish(room) {
  const { _timeline: timeline, chat, snapshot } = room;
  publishMessages(room);
  const last = snapshot.messages.at(-1);
  if (!timeline.hasNewer && (last || !timeline.hasOlder)) touch(chat.inbox._list, room.id, last);
}

/** The messages that are different from those of the last event. @param {Room} room */
export function publishMessages(room) {
  const { messages } = room.snapshot;
  const { _told: told } = room;
  room._told = new Map(messages.map((one) => [one.message_id, one]));
  const added = messages.filter((one) => !told.has(one.message_id));
  const changed = messages.filter((one) => told.has(one.message_id) && told.get(one.message_id) !== one);
  const removed = [...told.keys()].filter((id) => !room._told.has(id));
  if (added.length || changed.length || removed.length) room._emit("messages", { added, changed, removed });
}

/** A refusal belongs to the frame that it names, and to no other. @param {Room} room @param {any} frame */
function refused(room, frame) {
  const { action, client_id, message_id } = frame;
  const { errorOf, isTemporary } = room.chat.session._errors;
  const error = errorOf(frame);
  const isPassing = isTemporary(error);
  const one = room._outgoing.find((other) => other.client_id === client_id);
  if (one) return refuse(one, error, message_id);
  if (client_id !== undefined || action === "typing" || action === "read") return;
  if (room._changes?.refuse(frame, error, isPassing)) return tell(room, "refused", { outgoing: null, error, action });
  if (isPassing) repeat(room, error, () => pumpRoom(room));
}

/** @param {Room} room @param {{ user_id: UserId, online: boolean, last_seen: string | null }} frame */
function meet(room, { user_id, online, last_seen }) {
  const presence = { online, last_seen };
  room._met.set(String(user_id), presence);
  room._emit("presence", { user_id, ...presence });
  const { _list: list } = room.chat.inbox;
  if (list) meetInList(list, user_id, presence);
  if (room.info) room.info = { ...room.info, members: met(room.info.members, user_id, presence) };
  room._changed();
}

// ------------------------------------------------------------ reading and writing

/** @param {Room} room @param {number} message_id */
export function read(room, message_id) {
  const { _timeline: timeline } = room;
  if (message_id !== room._readSent || room.info?.marked_unread) sendRead(room);
  const receipt = timeline.receipts.get(room._me);
  if (receipt && receipt.read < message_id) timeline.receipts.set(room._me, { ...receipt, read: message_id });
  if (message_id >= timeline.newest && room.id) void share(room.chat, { read: room.id });
  room._changed();
}

/** @param {Room} room */
function sendRead(room) {
  room._readSent = room._readUpto;
  room._connection.send({ action: "read", message_id: room._readUpto });
}

/** @param {Room} room @param {{ text: string, replyTo?: number }} draft */
export function keepDraft(room, draft) {
  const { chat, id, key } = room;
  room._isUnkept = false;
  void chat._vault(draft.text ? "set" : "delete", `draft ${id ?? key}`, draft);
  chat.inbox._patch(id, { draft: draft.text });
}

/** @param {Room} room @param {UserId} user */
function types(room, user) {
  const key = String(user);
  clearTimeout(room._typing.get(key)?.timer);
  room._typing.set(key, { user, timer: setTimeout(() => stopTyping(room, user), TYPING_FOR) });
  tellTyping(room);
}

/** @param {Room} room @param {UserId} user */
function stopTyping(room, user) {
  const key = String(user);
  clearTimeout(room._typing.get(key)?.timer);
  if (room._typing.delete(key)) tellTyping(room);
}

/** @param {Room} room */
function tellTyping(room) {
  room._emit("typing", { users: [...room._typing.values()].map(({ user }) => user) });
  room._changed();
}

/** The user is writing: sent now and then, not with every key. @param {Room} room */
export function typing(room) {
  if (Date.now() - room._typedAt < TYPING_EVERY) return;
  room._typedAt = Date.now();
  room._connection.send({ action: "typing" });
}

