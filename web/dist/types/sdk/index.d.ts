import { Chat } from "./chat.js";
/**
 * A user's chat on a server.
 * @param {import("./types.js").Options} [options]
 */
export declare function connect(options?: import("./types.js").Options): Chat;
export { ChatError, Lost, Passing, Refused, SignedOut } from "./errors.js";
export { browserStorage, memoryStorage } from "./storage.js";
