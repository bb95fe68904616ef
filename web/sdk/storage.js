import { later } from "./errors.js";

/** @typedef {import("./types.js").Storage} Storage */

/**
 * IndexedDB, where files can be kept too.
 * @param {string} [name] of the database
 * @returns {Storage}
 */
export function browserStorage(name = "roomcast") {
  /** @type {Promise<Storage> | undefined} */
  let opening;
  /** @param {keyof Storage} method */
  const lazy = (method) => async (/** @type {any[]} */ ...call) =>
    /** @type {any} */ (await (opening ??= loadBrowser().then(({ openStorage }) => openStorage(name))))[method](...call);
  return { get: lazy("get"), set: lazy("set"), delete: lazy("delete"), keys: lazy("keys") };
}

/** What is stored for one user of one server. A storage that fails loses its contents, nothing else. */
export class Vault {
  /** @type {string | undefined} */
  #prefix;

  /**
   * @param {Storage | null | undefined} storage
   * @param {string} server
   */
  constructor(storage, server) {
    this.storage = storage === undefined && globalThis.indexedDB ? browserStorage() : storage;
    this.server = server;
  }

  /** @param {string} user */
  open(user) {
    this.#prefix = `${this.server} ${encodeURIComponent(user)} `;
  }

  /** Whether something may be stored here, of a user who is not known yet. */
  async _isFilled() {
    return (await this.#try("keys", `${this.server} `))?.length > 0;
  }

  /** @param {"get" | "set" | "delete"} name @param {string} key @param {any} [value] */
  async run(name, key, value) {
    return this.#prefix && this.#try(name, this.#prefix + key, value);
  }

  /**
   * The keys that begin so, without what all keys of the user begin with.
   * @param {string} start
   * @returns {Promise<string[]>}
   */
  async keys(start) {
    const prefix = this.#prefix;
    const keys = (prefix && (await this.#try("keys", prefix + start))) || [];
    return keys.map((/** @type {string} */ key) => key.slice(prefix?.length));
  }

  /** @param {keyof Storage} name @param {string} key @param {any} [value] */
  async #try(name, key, value) {
    try {
      return await this.storage?.[name](key, value);
    } catch {
      return undefined; // full, or forbidden to this page
    }
  }
}

/** @internal What a page has in its own bundle is not loaded. */
export const bundled = {
  _browser: /** @type {Promise<typeof import("./lazy-browser.js")> | null} */ (null),
  _list: /** @type {Promise<typeof import("./lazy-list.js")> | null} */ (null),
};
export const loadBrowser = later(() => bundled._browser ?? import("./lazy-browser.js"));
