import { ChatError, isTemporary, Refused } from "./errors.js";
import { Outgoing } from "./outgoing.js";
import { backoff } from "./session.js";

/** The messages of one room that are not confirmed, in the order of the writer. They survive the page. */
export class Outbox {
  /** @type {Outgoing[]} */
  items = [];
  #isPumping = false;
  #tries = 0;
  #at = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hold;

  /**
   * @param {import("./storage.js").Vault} vault
   * @param {import("./connection.js").Connection} connection
   * @param {string} key
   * @param {{ id: number | null, _changed: () => void, refused: (one: Outgoing, error: ChatError) => void, _dropped: (one: Outgoing) => void }} room
   */
  constructor(vault, connection, key, room) {
    this._vault = vault;
    this._connection = connection;
    this.key = `outbox ${key} `;
    this.room = room;
  }

  async restore() {
    const kept = await Promise.all((await this._vault.keys(this.key)).map((key) => this._vault.run("get", key)));
    const known = new Set(this.items.map(({ client_id }) => client_id));
    const drafts = kept.filter((draft) => draft && !known.has(draft.client_id)).sort((a, b) => a.at - b.at);
    this.items.unshift(...drafts.map((draft) => new Outgoing(draft, this)));
    if (drafts.length) this._changed();
  }

  /** @param {import("./types.js").Draft} draft */
  add(draft) {
    this.#at = Math.max(Date.now(), this.#at + 1); // the order of those that are restored
    const one = new Outgoing({ ...draft, at: new Date(this.#at) }, this);
    this.items.push(one);
    void this._vault.run("set", this.key + one.client_id, one._toStorage());
    this._changed();
    return one;
  }

  /** @param {Outgoing} one */
  retry(one) {
    one.turn = 0;
    one._become("waiting");
    this._resume();
  }

  /** @param {Outgoing} one */
  drop(one) {
    this.items = this.items.filter((other) => other !== one);
    void this._vault.run("delete", this.key + one.client_id);
    if (one.state === "cancelled") this.room._dropped(one);
    this._changed();
  }

  /** @param {string | undefined} client_id */
  find(client_id) {
    return client_id === undefined ? undefined : this.items.find((one) => one.client_id === client_id);
  }

  /**
   * @param {import("./types.js").WireMessage} message
   * @returns {Outgoing | undefined} what was waiting for it
   */
  confirm(message) {
    const one = this.find(message.client_id);
    if (!one) return undefined;
    this.#tries = 0;
    one.confirm(message);
    this.drop(one);
    return one;
  }

  /**
   * @param {Outgoing} one
   * @param {ChatError} error
   * @param {number} [message_id] that the server named
   */
  refuse(one, error, message_id) {
    if (isTemporary(error)) {
      one.turn = 0;
      if (one.state !== "retrying") one._become("retrying", error);
      return this._hold(error);
    }
    const isDeleted = error.code === "not_found" && message_id !== undefined && message_id !== one.replyTo;
    one._fail(error, isDeleted ? "cancelled" : "refused");
    if (isDeleted) return this.drop(one);
    this.room.refused(one, error);
  }

  /** Nothing is sent for a while. @param {ChatError} [error] */
  _hold(error) {
    this.#hold ??= setTimeout(() => this._resume(), error?.retryAfter ? error.retryAfter * 1000 : backoff(this.#tries++));
  }

  _resume() {
    clearTimeout(this.#hold);
    this.#hold = undefined;
    void this._pump();
  }

  /** @param {ChatError} error */
  end(error) {
    for (const one of this.items) if (one.state !== "refused") this.refuse(one, error);
  }

  /** Sends what was not sent on this connection, in order. */
  async _pump() {
    const { _connection: connection } = this;
    if (this.#isPumping) return;
    this.#isPumping = true;
    const isUnsent = (/** @type {Outgoing} */ one) => one.state !== "refused" && one.turn !== connection.turn;
    /** @type {Outgoing | undefined} */
    let one;
    while (this.room.id !== null && !this.#hold && connection.state === "open" && (one = this.items.find(isUnsent))) {
      try {
        const frame = await one.frame(connection.session, this.room.id);
        if (this.items.includes(one) && connection.send(frame)) one.turn = connection.turn;
      } catch (error) {
        const known = error instanceof ChatError ? error : new Refused("file_invalid", 0, String(error));
        if (this.items.includes(one)) this.refuse(one, known);
      }
    }
    this.#isPumping = false;
  }

  _changed() {
    this.room._changed();
  }
}
