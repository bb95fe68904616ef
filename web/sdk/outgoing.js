import { Refused, withCalls } from "./errors.js";

/** A message that the server has not confirmed yet: what becomes of it is loaded with the calls. */
export class Outgoing {
  /** @type {"waiting" | "uploading" | "sending" | "retrying" | "refused" | "stored" | "cancelled"} */
  state = "waiting";
  /** @type {number | null} */
  progress = null;
  /** @type {import("./errors.js").ChatError | null} */
  error = null;
  version = 0;
  /** @internal The turn of the connection that it was sent on. */
  _turn = 0;
  /** @internal What the storage has it by. */
  _key = "";
  /** @internal @type {Map<File, string> | undefined} */
  _paths;
  /** @internal @type {AbortController | undefined} */
  _abort;
  /** @internal */
  _promise = /** @type {{ resolve: (message: any) => void, reject: (error: Error) => void }} */ ({});
  /** @type {Promise<import("./types.js").WireMessage>} */
  stored = this._promised();

  /**
   * @param {import("./types.js").Draft & { client_id?: string, at?: Date }} draft
   * @param {import("./room.js").Room} room
   */
  constructor({ text = "", files = [], replyTo, data, client_id = newId(), at = new Date() }, room) {
    this.text = text;
    this.files = files;
    this.replyTo = replyTo;
    this.data = data;
    this.client_id = client_id;
    this.at = at;
    /** @internal */
    this._room = room;
  }

  /** Sends it now, under the same client_id. */
  retry() {
    withCalls(({ resend }) => resend(this));
  }

  /** Takes it back. It may be stored already where it was on its way. */
  cancel() {
    if (this.state === "stored" || this.state === "cancelled") return;
    this._fail(new Refused("cancelled"), "cancelled");
    this._drop();
    withCalls(({ dropped }) => dropped(this));
  }

  /** @internal @param {Outgoing["state"]} state @param {import("./errors.js").ChatError | null} [error] */
  _become(state, error = null) {
    this.state = state;
    this.error = error;
    this.progress = null;
    this._change();
  }

  /** @internal @param {import("./errors.js").ChatError} error @param {Outgoing["state"]} [state] */
  _fail(error, state = "refused") {
    this._become(state, error);
    this._promise.reject(error);
  }

  /** @internal */
  _drop() {
    const { _room: room } = this;
    room._outgoing = room._outgoing.filter((other) => other !== this);
  }

  /** @internal */
  _change() {
    this.version++;
    this._room._changed();
  }

  /** @internal */
  _promised() {
    const stored = new Promise((resolve, reject) => (this._promise = { resolve, reject }));
    stored.catch(() => {}); // whoever looks at the state need not catch
    return stored;
  }
}

/** randomUUID is there on https and localhost only. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(36)).join("");
}
