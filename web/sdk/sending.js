import { backoff } from "./backoff.js";

/** What becomes of unsent messages while there is a connection: a part of what is loaded with the first. */

/** @typedef {import("./errors.js").ChatError} Failure */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outgoing.js").Outgoing} Outgoing */

/** Sends what was not sent on this connection, in order. @param {Outbox} outbox */
export async function pump(outbox) {
  const { _connection: connection, room } = outbox;
  const { ChatError, errorOf } = connection.session._errors;
  if (outbox._isPumping) return;
  outbox._isPumping = true;
  const isUnsent = (/** @type {Outgoing} */ one) => one.state !== "refused" && one.turn !== connection.turn;
  /** @type {Outgoing | undefined} */
  let one;
  while (room.id !== null && !outbox._held && connection.state === "open" && (one = outbox.items.find(isUnsent))) {
    try {
      const frame = await frameOf(one, connection.session, room.id);
      if (outbox.items.includes(one) && connection.send(frame)) one.turn = connection.turn;
    } catch (error) {
      const known = error instanceof ChatError ? error : errorOf({ code: "file_invalid", message: String(error) });
      if (outbox.items.includes(one)) refuse(outbox, one, known);
    }
  }
  outbox._isPumping = false;
}

/**
 * @param {Outbox} outbox
 * @param {Outgoing} one
 * @param {Failure} error
 * @param {number} [message_id] that the server named
 */
export function refuse(outbox, one, error, message_id) {
  if (outbox._connection.session._errors.isTemporary(error)) {
    one.turn = 0;
    if (one.state !== "retrying") one._become("retrying", error);
    return hold(outbox, error);
  }
  const isDeleted = error.code === "not_found" && message_id !== undefined && message_id !== one.replyTo;
  one._fail(error, isDeleted ? "cancelled" : "refused");
  if (isDeleted) return outbox.drop(one);
  outbox.room.refused(one, error);
}

/** The server takes nothing for a while: what is not confirmed is sent again, which is harmless. @param {Outbox} outbox @param {Failure} error @param {() => void} again */
export function repeat(outbox, error, again) {
  for (const each of outbox.items) if (each.state === "sending") each.turn = 0;
  hold(outbox, error);
  setTimeout(again, 2_000);
}

/** Nothing is sent for a while. @param {Outbox} outbox @param {Failure} error */
function hold(outbox, error) {
  outbox._held ??= setTimeout(() => outbox._resume(), error.retryAfter ? error.retryAfter * 1000 : backoff(outbox._tries++));
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
  const { attach } = await import("./lazy-files.js").catch(() => {
    throw new session._errors.Lost("lost");
  });
  return attach(session, room_id, one.files, one._paths, one._abort.signal, (share) => {
    one.state = "uploading";
    one.progress = share;
    one._change();
  });
}
