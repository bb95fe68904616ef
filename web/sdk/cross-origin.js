/** A page of an origin that the server does not allow: a part of what is loaded with the first call. */

/** @type {WeakSet<import("./chat.js").Chat>} */
const explained = new WeakSet();

/**
 * Where the very first request to another origin gets no answer, the browser does not say why: the console
 * names the setting, once.
 * @param {import("./chat.js").Chat} chat
 * @param {any} error
 */
export function explain(chat, { code, detail }) {
  const { location, navigator } = /** @type {any} */ (globalThis);
  const { origin } = chat.session.server;
  if (code !== "lost" || detail || chat.me || explained.has(chat) || !location || location.origin === origin || navigator?.onLine === false) return;
  explained.add(chat);
  console.warn(`roomcast: ${origin} did not answer. If it runs, it may not allow this page: server.allowed_origins must contain "${location.origin}".`);
}
