import { loadModule } from "./loading.js";

/** What can go wrong. `message` is the code: sentences are the interface's task. */
export class ChatError extends Error {
  /**
   * @param {string} code
   * @param {number} [status] of HTTP
   * @param {string} [detail] the server's text, for logs
   * @param {number} [retryAfter] seconds
   */
  constructor(code, status, detail, retryAfter) {
    super(code);
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
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

/**
 * The error of an error frame or of an HTTP answer.
 * @param {{ code?: string, message?: string, detail?: string }} said
 * @param {number} [status]
 * @param {number} [retryAfter]
 */
export function errorOf({ code, message, detail = message }, status = 0, retryAfter) {
  const isPassing = code ? /^(rate_limited|(storage_)?unavailable)$/.test(code) : status > 500;
  return new (isPassing ? Passing : Refused)(code ?? "unavailable", status, detail, retryAfter);
}

/** @param {unknown} error @returns {boolean} */
export const isTemporary = (error) => error instanceof Passing || error instanceof Lost;

/**
 * What is loaded with its first use; `Lost` where it can't be, and then tried again.
 * @template T
 * @param {() => Promise<T>} make
 * @returns {() => Promise<T>}
 */
export function later(make) {
  /** @type {Promise<T> | undefined} */
  let loading;
  return () =>
    (loading ??= make().catch(() => {
      loading = undefined;
      throw new Lost("lost");
    }));
}

/**
 * @template F
 * @typedef {F extends (owner: any, ...call: infer Call) => infer Result ? (...call: Call) => Promise<Awaited<Result>> : never} Bound
 */

/** @type {typeof import("./lazy-calls.js") | null} */
let loadedCalls = null;

/** Loads what the first messages do not need: once what is being shown is shown, which goes before. */
export const loadCalls = later(async () => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return (loadedCalls = await loadModule(() => import("./lazy-calls.js")));
});

/**
 * Does something by the calls: at once where they are loaded, or in the order in which it waits for them.
 * @param {(calls: typeof import("./lazy-calls.js")) => unknown} act
 * @param {() => void} [fail] where they can't be loaded
 */
export function withCalls(act, fail = () => {}) {
  if (loadedCalls) act(loadedCalls);
  else loadCalls().then(act, fail);
}

/**
 * A method that is loaded with its first use.
 * @template {keyof typeof import("./lazy-calls.js")} Name
 * @param {object} owner
 * @param {Name} name
 * @param {boolean} [isTold] whether a refusal is an event too, so that nobody need catch it
 * @returns {Bound<(typeof import("./lazy-calls.js"))[Name]>}
 */
export function lazily(owner, name, isTold) {
  return /** @type {any} */ ((/** @type {any[]} */ ...call) => {
    const done = loadCalls().then((calls) => /** @type {any} */ (calls)[name](owner, ...call));
    if (isTold) done.catch(() => {});
    return done;
  });
}
