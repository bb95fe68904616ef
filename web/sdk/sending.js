import { backoff } from "./backoff.js";
import { loadModule } from "./loading.js";
import { share } from "./tabs.js";

/** What becomes of unsent messages: a part of what is loaded after the first messages of others. */

/** @typedef {import("./errors.js").ChatError} Failure */
/** @typedef {import("./outgoing.js").Outgoing} Outgoing */
/** @typedef {import("./room.js").Room} Room */

/** Stores what is not stored, and sends what was not sent on this connection, in order. @param {Room} room */
export async function pump(room) {
  const { _connection: connection } = room;
  const { ChatError, errorOf } = connection.session._errors;
  if (room.chat.me) for (const one of room._outgoing) if (!one._key) keep(room, one); // else it is not known whose it is
  if (room._isPumping) return;
  room._isPumping = true;
  const isUnsent = (/** @type {Outgoing} */ one) => one.state !== "refused" && one._turn !== connection.turn;
  /** @type {Outgoing | undefined} */
  let one;
  while (room.id !== null && !room._held && connection.state === "open" && (one = room._outgoing.find(isUnsent))) {
    try {
      const frame = await frameOf(one, connection.session, room.id);
      if (room._outgoing.includes(one) && connection.send(frame)) one._turn = connection.turn;
    } catch (error) {
      const known = error instanceof ChatError ? error : errorOf({ code: "file_invalid", message: String(error) });
      if (room._outgoing.includes(one)) refuse(one, known);
    }
  }
  room._isPumping = false;
}

/** A message survives the page until it is stored by the server. @param {Room} room @param {Outgoing} one */
function keep(room, one) {
  const { text, files, replyTo, data, client_id, at } = one;
  one._key = `outbox ${room.key} ${client_id}`;
  room._typedAt = 0;
  void room.chat._vault("set", one._key, { text, files, replyTo, data, client_id, at });
}

/** @param {Outgoing} one */
function drop(one) {
  const { _room: room } = one;
  one._drop();
  void room.chat._vault("delete", one._key);
  room._changed();
}

/** The user has taken it back. @param {Outgoing} one */
export function dropped(one) {
  one._abort?.abort();
  drop(one);
  void share(one._room.chat, { cancel: one.client_id });
}

/**
 * What was waiting for a message that the server has stored.
 * @param {Room} room
 * @param {import("./types.js").WireMessage} message
 */
export function confirm(room, message) {
  const one = message.client_id && room._outgoing.find(({ client_id }) => client_id === message.client_id);
  if (!one) return undefined;
  room._tries = 0;
  one._become("stored");
  one._promise.resolve(message);
  drop(one);
  return one;
}

/**
 * An event of the room, and of the chat.
 * @template {"sent" | "refused"} Name
 * @param {Room} room
 * @param {Name} name
 * @param {import("./types.js").RoomEvents[Name]} detail
 */
export function tell(room, name, detail) {
  room._emit(name, detail);
  room.chat._emit(name, /** @type {any} */ ({ room_id: room.id, ...detail }));
}

/**
 * @param {Outgoing} one
 * @param {Failure} error
 * @param {number} [message_id] that the server named
 */
export function refuse(one, error, message_id) {
  const { _room: room } = one;
  if (room.chat.session._errors.isTemporary(error)) {
    one._turn = 0;
    if (one.state !== "retrying") one._become("retrying", error);
    return hold(room, error);
  }
  const isDeleted = error.code === "not_found" && message_id !== undefined && message_id !== one.replyTo;
  one._fail(error, isDeleted ? "cancelled" : "refused");
  if (isDeleted) return dropped(one);
  tell(room, "refused", { outgoing: one, error, action: "send" });
}

/** Sends it now. @param {Outgoing} one */
export function resend(one) {
  if (one.state === "refused") one.stored = one._promised();
  else if (one.state !== "retrying") return;
  one._turn = 0;
  one._become("waiting");
  resume(one._room);
}

/** Waits no longer. @param {Room} room */
export function resume(room) {
  clearTimeout(room._held);
  room._held = undefined;
  void pump(room);
}

/** The server takes nothing for a while: what is not confirmed is sent again, which is harmless. @param {Room} room @param {Failure} error @param {() => void} again */
export function repeat(room, error, again) {
  for (const each of room._outgoing) if (each.state === "sending") each._turn = 0;
  hold(room, error);
  setTimeout(again, 2_000);
}

/** Nothing is sent for a while. @param {Room} room @param {Failure} error */
function hold(room, error) {
  room._held ??= setTimeout(() => resume(room), error.retryAfter ? error.retryAfter * 1000 : backoff(room._tries++));
}

/**
 * The frame of a message, once its files are uploaded.
 * @param {Outgoing} one
 * @param {import("./session.js").UserSession} session
 * @param {number} room_id
 */
async function frameOf(one, session, room_id) {
  const { client_id, text: message, replyTo: reply_to, data } = one;
  const files = one.files.length ? await attachAll(one, session, room_id) : undefined;
  one._become("sending");
  return { action: "send", client_id, message, reply_to, data, files };
}

/** @param {Outgoing} one @param {import("./session.js").UserSession} session @param {number} room_id */
async function attachAll(one, session, room_id) {
  const { attach } = await loadModule(() => import("./lazy-files.js")).catch(() => {
    throw new session._errors.Lost("lost");
  });
  return attach(session, room_id, one.files, (one._paths ??= new Map()), (one._abort ??= new AbortController()).signal, (share) => {
    one.state = "uploading";
    one.progress = share;
    one._change();
  });
}
