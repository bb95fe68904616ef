import { Lost, Refused } from "./errors.js";

const INLINE = 65_536; // bytes of a file above which it is uploaded by PUT

/** A message that the server has not confirmed yet. */
export class Outgoing {
  /** @type {"waiting" | "uploading" | "sending" | "retrying" | "refused" | "stored" | "cancelled"} */
  state = "waiting";
  /** @type {number | null} */
  progress = null;
  /** @type {import("./errors.js").ChatError | null} */
  error = null;
  /** @type {Promise<import("./types.js").WireMessage>} */
  stored;
  version = 0;
  turn = 0; // of the connection that it was sent on
  /** @type {Map<File, string>} */
  #paths = new Map();
  #abort = new AbortController();
  /** @type {{ resolve: (message: any) => void, reject: (error: Error) => void }} */
  #promise;

  /**
   * @param {import("./types.js").Draft & { client_id?: string, at?: Date }} draft
   * @param {{ changed: () => void, retry: (one: Outgoing) => void, drop: (one: Outgoing) => void }} owner
   */
  constructor({ text = "", files = [], replyTo, data, client_id = newId(), at = new Date() }, owner) {
    this.text = text;
    this.files = files;
    this.replyTo = replyTo;
    this.data = data;
    this.client_id = client_id;
    this.at = at;
    this.owner = owner;
    this.#promise = /** @type {any} */ (null);
    this.stored = this.#promised();
  }

  /** What is kept until the message is stored. */
  toStorage() {
    const { text, files, replyTo, data, client_id, at } = this;
    return { text, files, replyTo, data, client_id, at };
  }

  /** Sends it now, under the same client_id. */
  retry() {
    if (this.state === "refused") this.stored = this.#promised();
    if (this.state === "refused" || this.state === "retrying") this.owner.retry(this);
  }

  /** Takes it back. It may be stored already where it was on its way. */
  cancel() {
    if (this.state === "stored" || this.state === "cancelled") return;
    this.#abort.abort();
    this.fail(new Refused("cancelled"), "cancelled");
    this.owner.drop(this);
  }

  /** @internal @param {Outgoing["state"]} state @param {import("./errors.js").ChatError | null} [error] */
  become(state, error = null) {
    this.state = state;
    this.error = error;
    this.progress = null;
    this.#change();
  }

  /** @internal @param {import("./types.js").WireMessage} message */
  confirm(message) {
    this.become("stored");
    this.#promise.resolve(message);
  }

  /** @internal @param {import("./errors.js").ChatError} error @param {Outgoing["state"]} [state] */
  fail(error, state = "refused") {
    this.become(state, error);
    this.#promise.reject(error);
  }

  /**
   * The frame, once its files are uploaded.
   * @internal
   * @param {import("./session.js").Session} session
   * @param {number} room_id
   */
  async frame(session, room_id) {
    const { client_id, text: message, replyTo: reply_to, data } = this;
    const files = [];
    for (const file of this.files) files.push(await this.#file(session, room_id, file));
    this.become("sending");
    return { action: "send", client_id, message, reply_to, data, files: files.length ? files : undefined };
  }

  /** @param {import("./session.js").Session} session @param {number} room_id @param {File} file */
  async #file(session, room_id, file) {
    const about = { name: file.name ?? "file", size: file.size, type: file.type || "application/octet-stream" };
    if (file.size <= INLINE) return { ...about, data: await base64(file) };
    if (!this.#paths.has(file)) {
      this.become("uploading");
      const { upload } = await import("./lazy-upload.js").catch((error) => {
        throw new Lost("lost", 0, String(error));
      });
      const total = this.files.reduce((sum, { size }) => sum + size, 0);
      const done = [...this.#paths.keys()].reduce((sum, { size }) => sum + size, 0);
      const progress = (/** @type {number} */ sent) => {
        this.progress = (done + sent) / total;
        this.#change();
      };
      this.#paths.set(file, await upload(session, { room_id, ...about }, file, this.#abort.signal, progress));
    }
    return { file_path: this.#paths.get(file) };
  }

  #change() {
    this.version++;
    this.owner.changed();
  }

  #promised() {
    const stored = new Promise((resolve, reject) => (this.#promise = { resolve, reject }));
    stored.catch(() => {}); // whoever looks at the state need not catch
    return stored;
  }
}

/** @param {Blob} file */
async function base64(file) {
  let binary = "";
  for (const byte of new Uint8Array(await file.arrayBuffer())) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** randomUUID is there on https and localhost only. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
