import { Chat } from "./chat.js";

/**
 * A user's chat on a server.
 * @param {import("./types.js").Options} [options]
 */
export function connect(options = {}) {
  return new Chat(options);
}

export { ChatError, Lost, Passing, Refused, SignedOut } from "./errors.js";
export { browserStorage } from "./storage.js";
