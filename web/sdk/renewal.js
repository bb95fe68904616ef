import { isSameUser } from "./members.js";

/** A token is renewed while it works: a part of what is loaded with the first token. */

const RENEW_BEFORE = 60_000; // ms before a token expires

/**
 * Gets the next token in time, where the token in use says when it expires.
 * @param {import("./session.js").UserSession} session
 * @param {string} token
 */
export function renewLater(session, token) {
  const left = expiryOf(token) - Date.now();
  if (left <= 0 || session._isClosed || session._token !== token) return;
  session._timer = setTimeout(() => void renew(session), Math.min(2 ** 31 - 1, Math.max(left - RENEW_BEFORE, left / 2)));
}

/** Gets the next token while this one works, and shows it on each open connection. @param {import("./session.js").UserSession} session */
async function renew(session) {
  const old = session._token;
  session._token = undefined;
  try {
    show(session, await session._authorize());
  } catch {
    if (!session._token) session._keep(old); // tried again in half of the time that is left
  }
}

/** @param {import("./session.js").UserSession} session @param {string | undefined} token */
function show(session, token) {
  for (const connection of session._connections) connection.send({ action: "auth", token });
}

/**
 * Takes a token that the site gives meanwhile, unless it is of another user; whether it is of this one. A token
 * that the server refuses signs the user out, as one that has expired does.
 * @param {import("./chat.js").Chat} chat
 * @param {string} token
 */
export async function renewBy(chat, token) {
  const { session, me } = chat;
  const answer = await session.fetch(new URL("api/v1/chat/me/", session.server), { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok && answer.status !== 401) throw new session._errors.Lost("lost");
  if (answer.ok && !isSameUser((await answer.json()).user_id, me?.user_id)) return false;
  chat.setToken(token);
  show(session, token);
  return true;
}

/**
 * When a JWT expires, in ms since 1970; 0 where it does not say.
 * @param {string} token
 */
function expiryOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).exp * 1000 || 0;
  } catch {
    return 0;
  }
}
