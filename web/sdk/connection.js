import { backoff } from "./backoff.js";
import { Refused } from "./errors.js";

const QUIET = 20_000; // ms without a frame after which the server is asked
const UNANSWERED = 1_500; // ms after a frame of ours
const SILENT = 7_000; // ms without an answer after which the connection is given up

/** Close codes after which the same connection can't be made again. */
const FINAL_CODES = /** @type {Record<number, string>} */ ({ 4000: "invalid_frame", 4003: "forbidden", 4004: "not_found" });

/** A WebSocket that comes back after a random, growing delay, and when the server is silent. */
export class Connection {
  /** @type {"closed" | "connecting" | "open" | "waiting" | "ended"} */
  state = "closed";
  /** @type {import("./errors.js").ChatError | null} */
  error = null;
  /** @type {number | null} */
  retryAt = null;
  turn = 0; // grows with each socket
  /** @type {number | undefined} */
  _lastCode;
  /** @type {WebSocket | null} */
  #socket = null;
  #tries = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;
  #heardAt = 0;
  #sentAt = 0;
  #askedAt = 0;

  /**
   * @param {import("./session.js").UserSession} session
   * @param {{ address: () => URL, receive: (frame: any) => void, _changed: () => void }} owner
   */
  constructor(session, owner) {
    this.session = session;
    this._owner = owner;
  }

  open() {
    this.session._connections.add(this);
    if (this.state === "closed" || this.state === "ended") this.#connect();
  }

  close() {
    this.session._connections.delete(this);
    this.#become("closed");
  }

  /** @param {import("./errors.js").ChatError} error */
  end(error) {
    this.error = error;
    this.#become("ended");
  }

  /** Does not wait for the next try. */
  retry() {
    const isSignedOut = this.state === "ended" && !(this.error instanceof Refused);
    if (this.state === "waiting" || isSignedOut) this.#connect();
  }

  /** The network is gone: known before the socket shows it. @param {number} [tries] those before, where they are counted elsewhere */
  _lose(tries) {
    if (this.state === "connecting" || this.state === "open") this.#wait(tries);
  }

  /**
   * @param {object} frame
   * @returns {boolean} whether it was handed to the network
   */
  send(frame) {
    if (this.state !== "open" || !this.#socket) return false;
    this.#sentAt ||= Date.now();
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** @param {Connection["state"]} state */
  #become(state) {
    clearTimeout(this.#timer);
    this.retryAt = null;
    if (state === "open") this.#tries = 0;
    else {
      this.turn++;
      clearInterval(this.#watch);
      const socket = this.#socket;
      this.#socket = null;
      if (socket) {
        socket.onmessage = socket.onclose = null;
        socket.close();
      }
    }
    this.state = state;
    this._owner._changed();
  }

  async #connect() {
    const { session } = this;
    this.error = null;
    this._lastCode = undefined;
    this.#become("connecting");
    const { turn } = this;
    try {
      const token = await session._authorize();
      if (turn !== this.turn) return;
      const url = this._owner.address();
      const socket = token ? new session.WebSocket(url, ["Bearer", token]) : new session.WebSocket(url);
      socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
      socket.onclose = (event) => this.#closed(event.code, token);
      this.#socket = socket;
      this.#heardAt = Date.now();
      this.#sentAt = this.#askedAt = 0;
      this.#watch = setInterval(() => this.#listen(), 500);
    } catch {
      if (turn !== this.turn) return;
      if (session.signedOut) this.end(session.signedOut);
      else this.#wait();
    }
  }

  /** @param {any} frame */
  #receive(frame) {
    this.#heardAt = Date.now();
    this.#sentAt = this.#askedAt = 0;
    if (frame.type === "error" && frame.action === "auth") return this.session.signOut("unauthenticated");
    if (frame.type === "pong" || frame.type === "auth") return;
    this.session.accept();
    this._owner.receive(frame);
    if (this.state === "connecting") this.#become("open");
  }

  /**
   * @param {number} code
   * @param {string | undefined} token
   */
  #closed(code, token) {
    this._lastCode = code;
    if (FINAL_CODES[code]) return this.end(new Refused(FINAL_CODES[code]));
    if (code === 4005) return this.session.signOut("disconnected");
    if (code !== 4001) return this.#wait();
    if (this.session.refuse(token)) this.#connect();
  }

  #wait(tries = this.#tries++) {
    const delay = backoff(tries);
    this.#become("waiting");
    this.retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  /** A connection can die without a sign: silence is asked, then given up. */
  #listen() {
    const now = Date.now();
    if (this.#askedAt ? now - this.#askedAt > SILENT : this.state === "connecting" && now - this.#heardAt > 2 * SILENT) {
      return this.#wait();
    }
    const isUnanswered = this.#sentAt && now - this.#sentAt > UNANSWERED;
    if (this.state !== "open" || this.#askedAt || !(isUnanswered || now - this.#heardAt > QUIET)) return;
    this.#askedAt = now;
    this.send({ action: "ping" });
  }
}
