/** What can go wrong. `message` is the code: sentences are the interface's task. */
export class ChatError extends Error {
  /**
   * @param {string} code
   * @param {{ status?: number, detail?: string, retryAfter?: number }} [more] `detail` is the server's text, for logs
   */
  constructor(code, more = {}) {
    super(code);
    this.code = code;
    this.status = more.status;
    this.detail = more.detail;
    this.retryAfter = more.retryAfter;
  }
}

/** The same request may succeed later. */
export class Passing extends ChatError {}

/** The same request will fail again. */
export class Refused extends ChatError {}

/** No answer: `lost` or `timeout`. The request may have taken effect. */
export class Lost extends ChatError {}

/** The user is not signed in any more: `unauthenticated` or `disconnected`. */
export class SignedOut extends ChatError {}

const TEMPORARY = ["rate_limited", "unavailable", "storage_unavailable"];

/**
 * The error of an error frame or of an HTTP answer.
 * @param {string} [code]
 * @param {string} [detail]
 * @param {number} [status]
 * @param {number} [retryAfter] seconds
 */
export function errorOf(code, detail, status = 0, retryAfter) {
  const more = { detail, status, retryAfter };
  const temporary = code ? TEMPORARY.includes(code) : status > 500;
  return temporary ? new Passing(code ?? "unavailable", more) : new Refused(code ?? "internal", more);
}
