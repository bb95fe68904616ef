/** What follows from frames that are rare, or that answer what was sent: loaded with the calls. */

import { met } from "./members.js";
import { refuse, repeat } from "./sending.js";

/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./errors.js").ChatError} ChatError */
/** @typedef {import("./types.js").UserId} UserId */

const TYPING_EVERY = 3_000; // ms between two frames that say that the user is typing
const TYPING_FOR = 6_000; // ms after which the other one is not typing any more

/** A refusal belongs to the frame that it names, and to no other. @param {Room} room @param {any} frame */
export function refused(room, frame) {
  const { action, client_id, message_id } = frame;
  const { errorOf, isTemporary } = room.chat.session._errors;
  const error = errorOf(frame);
  const isPassing = isTemporary(error);
  const one = room._outbox.find(client_id);
  if (one) return refuse(room._outbox, one, error, message_id);
  if (client_id !== undefined || action === "typing" || action === "read") return;
  if (room._changes?.refuse(frame, error, isPassing)) return room.refused(null, error, action);
  if (isPassing) repeat(room._outbox, error, () => room._pump());
}

/** @param {Room} room @param {{ user_id: UserId, online: boolean, last_seen: string | null }} frame */
export function meet(room, { user_id, online, last_seen }) {
  const presence = { online, last_seen };
  room._emit("presence", { user_id, ...presence });
  room.chat.inbox._list?._meet(user_id, presence);
  if (room.info) room.info = { ...room.info, members: met(room.info.members, user_id, presence) };
  room._changed();
}

/** @param {Room} room @param {UserId} user */
export function types(room, user) {
  const key = String(user);
  clearTimeout(room._typing.get(key)?.timer);
  room._typing.set(key, { user, timer: setTimeout(() => stopTyping(room, user), TYPING_FOR) });
  room._typingChanged();
}

/** @param {Room} room @param {UserId} user */
export function stopTyping(room, user) {
  const key = String(user);
  clearTimeout(room._typing.get(key)?.timer);
  if (room._typing.delete(key)) room._typingChanged();
}

/** The user is writing: sent now and then, not with every key. @param {Room} room */
export function typing(room) {
  if (Date.now() - room._typedAt < TYPING_EVERY) return;
  room._typedAt = Date.now();
  room._connection.send({ action: "typing" });
}

/**
 * What can't be sent any more: a frame that was too long, and everything where the room is closed to the user.
 * @param {Room} room
 * @param {import("./types.js").State} state
 * @param {ChatError | null} error
 */
export function giveUp(room, state, error) {
  const { session } = room.chat;
  if (state === "waiting") {
    for (const one of room._outbox.items) if (one.state === "sending") refuse(room._outbox, one, session._errors.errorOf({ code: "too_long" }));
  } else if (state === "ended" && error && error !== session.signedOut) {
    for (const one of room._outbox.items) if (one.state !== "refused") refuse(room._outbox, one, error);
    room._changes?.end(error);
  }
}
