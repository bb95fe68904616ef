import { Refused } from "./errors.js";

/** A message that the server has not confirmed yet. */
export class Outgoing {
  /** @type {"waiting" | "uploading" | "sending" | "retrying" | "refused" | "stored" | "cancelled"} */
  state = "waiting";
  /** @type {number | null} */
  progress = null;
  /** @type {import("./errors.js").ChatError | null} */
  error = null;
  version = 0;
  turn = 0; // of the connection that it was sent on
  /** @type {Map<File, string>} */
  _paths = new Map();
  _abort = new AbortController();
  #promise = /** @type {{ resolve: (message: any) => void, reject: (error: Error) => void }} */ ({});
  /** @type {Promise<import("./types.js").WireMessage>} */
  stored = this.#promised();

  /**
   * @param {import("./types.js").Draft & { client_id?: string, at?: Date }} draft
   * @param {{ _changed: () => void, retry: (one: Outgoing) => void, drop: (one: Outgoing) => void }} owner
   */
  constructor({ text = "", files = [], replyTo, data, client_id = newId(), at = new Date() }, owner) {
    this.text = text;
    this.files = files;
    this.replyTo = replyTo;
    this.data = data;
    this.client_id = client_id;
    this.at = at;
    this._owner = owner;
  }

  /** What is kept until the message is stored. */
  _toStorage() {
    const { text, files, replyTo, data, client_id, at } = this;
    return { text, files, replyTo, data, client_id, at };
  }

  /** Sends it now, under the same client_id. */
  retry() {
    if (this.state === "refused") this.stored = this.#promised();
    if (this.state === "refused" || this.state === "retrying") this._owner.retry(this);
  }

  /** Takes it back. It may be stored already where it was on its way. */
  cancel() {
    if (this.state === "stored" || this.state === "cancelled") return;
    this._abort.abort();
    this._fail(new Refused("cancelled"), "cancelled");
    this._owner.drop(this);
  }

  /** @internal @param {Outgoing["state"]} state @param {import("./errors.js").ChatError | null} [error] */
  _become(state, error = null) {
    this.state = state;
    this.error = error;
    this.progress = null;
    this._change();
  }

  /** @internal @param {import("./types.js").WireMessage} message */
  confirm(message) {
    this._become("stored");
    this.#promise.resolve(message);
  }

  /** @internal @param {import("./errors.js").ChatError} error @param {Outgoing["state"]} [state] */
  _fail(error, state = "refused") {
    this._become(state, error);
    this.#promise.reject(error);
  }

  _change() {
    this.version++;
    this._owner._changed();
  }

  #promised() {
    const stored = new Promise((resolve, reject) => (this.#promise = { resolve, reject }));
    stored.catch(() => {}); // whoever looks at the state need not catch
    return stored;
  }
}

/** randomUUID is there on https and localhost only. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(36)).join("");
}
