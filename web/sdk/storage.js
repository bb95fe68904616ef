/** @typedef {import("./types.js").Storage} Storage */

/**
 * IndexedDB, where files can be kept too.
 * @param {string} [name] of the database
 * @returns {Storage}
 */
export function browserStorage(name = "roomcast") {
  /** @type {Promise<IDBDatabase> | undefined} */
  let opening;
  /** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
  const answer = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = reject;
    });
  const open = () => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore("values");
    return answer(request);
  };
  /** @param {"get" | "put" | "delete" | "getAllKeys"} method @param {any[]} call */
  const run = async (method, ...call) => {
    const store = (await (opening ??= open())).transaction("values", "readwrite").objectStore("values");
    return answer(/** @type {any} */ (store)[method](...call));
  };
  return {
    get: (key) => run("get", key),
    set: (key, value) => run("put", value, key),
    delete: (key) => run("delete", key),
    keys: (prefix) => run("getAllKeys", IDBKeyRange.bound(prefix, `${prefix}\uffff`)),
  };
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
  async isFilled() {
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
