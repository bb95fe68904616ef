/**
 * A model with immutable snapshots and typed events.
 * @template {object} Snapshot
 * @template {Record<string, any>} Events
 */
export class Observable {
  /** @type {Set<{ run: (snapshot: Snapshot) => void }>} */
  #subscribers = new Set();
  /** @type {Map<keyof Events, Set<{ run: (detail: any) => void }>>} */
  #handlers = new Map();
  /** @type {Snapshot | null} */
  #snapshot = null;
  #isScheduled = false;

  /** @returns {Snapshot} */
  get snapshot() {
    return (this.#snapshot ??= Object.freeze(this._build()));
  }

  getSnapshot = () => this.snapshot;

  /**
   * Calls `run` at once, and after each change.
   * @param {(snapshot: Snapshot) => void} run
   * @returns {() => void} what ends the subscription
   */
  subscribe = (run) => {
    const subscriber = { run };
    this.#subscribers.add(subscriber);
    if (this.#subscribers.size === 1) this.start();
    call(run, this.snapshot);
    return () => {
      if (this.#subscribers.delete(subscriber) && !this._isUsed) this.stop();
    };
  };

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(detail: Events[Name]) => void} run
   * @returns {() => void} what removes the handler
   */
  on(name, run) {
    const handler = { run };
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => {
      handlers.delete(handler);
    };
  }

  /** @internal */
  get _isUsed() {
    return this.#subscribers.size > 0;
  }

  /**
   * @internal
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} detail
   */
  _emit(name, detail) {
    for (const { run } of this.#handlers.get(name) ?? []) call(run, detail);
  }

  /** @internal */
  _changed() {
    this.#snapshot = null;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this._flush();
      for (const { run } of this.#subscribers) call(run, this.snapshot);
    });
  }

  /**
   * @internal
   * @returns {Snapshot}
   */
  _build() {
    return /** @type {any} */ ({});
  }

  /** @internal */
  start() {}

  /** @internal */
  stop() {}

  /** @internal Runs before subscribers are called. */
  _flush() {}
}

/**
 * An exception of a subscriber is reported, and does not stop the others.
 * @param {(value: any) => void} run
 * @param {unknown} value
 */
function call(run, value) {
  try {
    run(value);
  } catch (error) {
    setTimeout(() => {
      throw error;
    }, 0);
  }
}
