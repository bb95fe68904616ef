import { errorOf, Lost, SignedOut } from "./errors.js";

const TIMEOUT = 15_000; // ms for the answer to a request
const RENEW_BEFORE = 60_000; // ms before a token expires

/** Who the user is to the server: the token, the HTTP calls, and all connections made with them. */
export class UserSession {
  /** @type {Set<import("./connection.js").Connection>} */
  _connections = new Set();
  /** @type {SignedOut | null} */
  signedOut = null;
  _onChange = () => {};
  errorOf = errorOf; // for what is loaded later
  /** @type {string | undefined} */
  #token;
  /** @type {Promise<string | undefined> | null} */
  #asking = null;
  #isRenewed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("./types.js").Options} options */
  constructor({ server, token, getToken, fetch, WebSocket }) {
    const page = /** @type {{ baseURI?: string } | undefined} */ (Reflect.get(globalThis, "document"));
    this.server = new URL(server ?? new URL("../", import.meta.url), page?.baseURI);
    this.getToken = getToken;
    this.fetch = fetch ?? ((...call) => globalThis.fetch(...call));
    this.WebSocket = WebSocket ?? globalThis.WebSocket;
    this.#keep(token);
  }

  /** @param {string} path */
  _socketUrl(path) {
    const url = new URL(path, this.server);
    url.protocol = url.protocol.replace("http", "ws");
    return url;
  }

  /** @param {string | undefined} token */
  setToken(token) {
    this.#keep(token);
    this.#isRenewed = false;
    this._resume();
  }

  /**
   * The token to use now; undefined with cookies.
   * @returns {Promise<string | undefined>}
   */
  async _authorize() {
    if (this.signedOut) throw this.signedOut;
    if (this.#token || !this.getToken) return this.#token;
    return (this.#asking ??= this.#ask(this.getToken));
  }

  /** @param {NonNullable<import("./types.js").Options["getToken"]>} getToken */
  async #ask(getToken) {
    try {
      this.#keep(await getToken());
      return this.#token;
    } catch (error) {
      throw new Lost("lost", 0, String(error));
    } finally {
      this.#asking = null;
    }
  }

  /** The server has accepted the token. */
  accept() {
    this.#isRenewed = false;
  }

  /**
   * The server refused this token: whether another can be tried. The user is signed out where not.
   * @param {string | undefined} token
   */
  refuse(token) {
    if (token !== this.#token) return true;
    if (!this.getToken || this.#isRenewed) {
      this.signOut("unauthenticated");
      return false;
    }
    this.#isRenewed = true;
    this.#keep(undefined);
    return true;
  }

  /** @param {string} why */
  signOut(why) {
    if (this.signedOut) return;
    this.signedOut = new SignedOut(why);
    for (const connection of this._connections) connection.end(this.signedOut);
    this._onChange();
  }

  /** Tries again at once, also after the user was signed out. */
  _resume() {
    if (this.signedOut && this.getToken) this.#keep(undefined);
    this.signedOut = null;
    this.#isRenewed = false;
    for (const connection of this._connections) connection.retry();
    this._onChange();
  }

  close() {
    clearTimeout(this.#timer);
    for (const connection of this._connections) connection.close();
  }

  /**
   * @param {string} method
   * @param {string} path below the API's root
   * @param {import("./types.js").Call} [call]
   * @returns {Promise<any>}
   */
  async request(method, path, { body, query, signal, raw } = {}) {
    const token = await this._authorize();
    const url = new URL(`api/v1/${path}`, this.server);
    url.search = String(new URLSearchParams(query));
    const timeout = AbortSignal.timeout(TIMEOUT);
    let response;
    let text;
    try {
      response = await this.fetch(url, {
        method,
        headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) },
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      });
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Lost(timeout.aborted ? "timeout" : "lost");
    }
    const { ok, status, headers } = response;
    if (status === 401) {
      if (this.refuse(token)) return this.request(method, path, { body, query, signal, raw });
      throw this.signedOut;
    }
    const answer = parse(text);
    if (!ok) throw errorOf(answer ?? {}, status, Number(headers.get("Retry-After")));
    this.accept();
    return raw ? text : answer;
  }

  /** @param {string | undefined} token */
  #keep(token) {
    this.#token = token;
    clearTimeout(this.#timer);
    const left = token && this.getToken ? expiryOf(token) - Date.now() : 0;
    if (left > 0) this.#timer = setTimeout(() => this.#renew(), Math.min(2 ** 31 - 1, Math.max(left - RENEW_BEFORE, left / 2)));
  }

  /** Gets the next token while this one works, and shows it on each open connection. */
  async #renew() {
    const old = this.#token;
    this.#token = undefined;
    try {
      const token = await this._authorize();
      for (const connection of this._connections) connection.send({ action: "auth", token });
    } catch {
      if (!this.#token) this.#keep(old); // tried again in half of the time that is left
    }
  }
}

/** Undefined for the page of a proxy. @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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

/** @param {number} tries */
export const backoff = (tries) => Math.min(15_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
