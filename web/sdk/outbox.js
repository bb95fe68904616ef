import { lazily } from "./errors.js";
import { Outgoing } from "./outgoing.js";

/** The messages of one room that are not confirmed, in the order of the writer. They survive the page. */
export class Outbox {
  /** @type {Outgoing[]} */
  items = [];
  /** Sends what was not sent on this connection, in order. */
  _pump = lazily(this, "pump");
  _isPumping = false;
  _tries = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _held;
  #at = 0;

  /**
   * @param {import("./storage.js").Vaulted} vault
   * @param {import("./connection.js").Connection} connection
   * @param {string} key
   * @param {{ id: number | null, _changed: () => void, refused: (one: Outgoing, error: import("./errors.js").ChatError) => void, _dropped: (one: Outgoing) => void }} room
   */
  constructor(vault, connection, key, room) {
    this._vault = vault;
    this._connection = connection;
    this.key = `outbox ${key} `;
    this.room = room;
  }

  /** Those of an earlier page come first. @param {any[]} drafts */
  _restore(drafts) {
    this.items.unshift(...drafts.map((draft) => new Outgoing(draft, this)));
  }

  /** @param {import("./types.js").Draft} draft */
  add(draft) {
    this.#at = Math.max(Date.now(), this.#at + 1); // the order of those that are restored
    const one = new Outgoing({ ...draft, at: new Date(this.#at) }, this);
    this.items.push(one);
    void this._vault("set", this.key + one.client_id, one._toStorage());
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
    void this._vault("delete", this.key + one.client_id);
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
    this._tries = 0;
    one.confirm(message);
    this.drop(one);
    return one;
  }

  _resume() {
    clearTimeout(this._held);
    this._held = undefined;
    this._pump().catch(() => {}); // the next connection sends
  }

  _changed() {
    this.room._changed();
  }
}
