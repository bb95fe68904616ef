import { ChatError, errorOf, isTemporary, loadCalls, Lost, SignedOut } from "./errors.js";

const TIMEOUT = 15_000; // ms for the answer to a request

/** Who the user is to the server: the token, the HTTP calls, and all connections made with them. */
export class UserSession {
  /** @type {Set<import("./connection.js").Connection>} */
  _connections = new Set();
  /** @type {SignedOut | null} */
  signedOut = null;
  _onChange = () => {};
  _errors = { ChatError, errorOf, isTemporary, Lost }; // for what is loaded later: classes are not the same in two files
  /** @type {string | undefined} */
  _token;
  /** @type {Promise<string | undefined> | null} */
  #asking = null;
  #isRenewed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _timer;
  _isClosed = false;

  /** @param {import("./types.js").Options} options */
  constructor({ server, token, getToken, fetch, WebSocket }) {
    const page = /** @type {{ baseURI?: string } | undefined} */ (Reflect.get(globalThis, "document"));
    this.server = new URL(server ?? new URL("../", import.meta.url), page?.baseURI);
    this.getToken = getToken;
    this.fetch = fetch ?? ((...call) => globalThis.fetch(...call));
    this.WebSocket = WebSocket ?? globalThis.WebSocket;
    this._keep(token);
  }

  /** @param {string} path */
  _socketUrl(path) {
    const url = new URL(path, this.server);
    url.protocol = url.protocol.replace("http", "ws");
    return url;
  }

  /**
   * The token to use now; undefined with cookies.
   * @returns {Promise<string | undefined>}
   */
  async _authorize() {
    if (this.signedOut) throw this.signedOut;
    if (this._token || !this.getToken) return this._token;
    return (this.#asking ??= this.#ask(this.getToken));
  }

  /** @param {NonNullable<import("./types.js").Options["getToken"]>} getToken */
  async #ask(getToken) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    try {
      const late = new Promise((_, fail) => (timer = setTimeout(fail, TIMEOUT, "timeout")));
      this._keep(/** @type {string} */ (await Promise.race([getToken(), late])));
      return this._token;
    } catch (error) {
      throw new Lost("lost", 0, String(error));
    } finally {
      clearTimeout(timer);
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
    if (token !== this._token) return true;
    if (!this.getToken || this.#isRenewed) {
      this.signOut("unauthenticated");
      return false;
    }
    this.#isRenewed = true;
    this._keep(undefined);
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
    if (this.signedOut && this.getToken) this._keep(undefined);
    this.signedOut = null;
    this.#isRenewed = false;
    for (const connection of this._connections) connection.retry();
    this._onChange();
  }

  close() {
    this._isClosed = true;
    clearTimeout(this._timer);
    for (const connection of this._connections) connection.close();
  }

  /**
   * @param {string} method
   * @param {string} path below the API's root
   * @param {import("./types.js").Call} [call]
   * @returns {Promise<any>}
   */
  async request(method, path, call = {}) {
    const { body, query, signal, raw } = call;
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
      if (this.refuse(token)) return this.request(method, path, call);
      throw this.signedOut;
    }
    const answer = parse(text);
    if (!ok) throw errorOf(answer ?? {}, status, Number(headers.get("Retry-After")));
    this.accept();
    return raw ? text : answer;
  }

  /** @param {string | undefined} token */
  _keep(token) {
    this._token = token = token?.trim(); // a file and a page end with a line break
    clearTimeout(this._timer);
    if (token && this.getToken) loadCalls().then(({ renewLater }) => renewLater(this, token), () => {}); // without it the server's refusal renews
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
