/** @typedef {import("./types.js").Storage} Storage */

/** @returns {Storage} what a page forgets at its end */
export function memoryStorage() {
  /** @type {Map<string, any>} */
  const values = new Map();
  return {
    get: (key) => values.get(key),
    set: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}

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
      request.onerror = () => reject(request.error);
    });
  const open = () => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore("values");
    return answer(request);
  };
  /** @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} ask */
  const run = async (mode, ask) => answer(ask((await (opening ??= open())).transaction("values", mode).objectStore("values")));
  return {
    get: (key) => run("readonly", (store) => store.get(key)),
    set: (key, value) => run("readwrite", (store) => store.put(value, key)),
    delete: (key) => run("readwrite", (store) => store.delete(key)),
    keys: (prefix) => run("readonly", (store) => store.getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`))),
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
    this.storage = storage ?? (storage === null || !("indexedDB" in globalThis) ? memoryStorage() : browserStorage());
    this.server = server;
  }

  /** Whether something may be stored here, of a user who is not known yet. */
  async isFilled() {
    return Boolean((await this.#try("keys", `${this.server} `))?.length);
  }

  /** @param {string} user */
  open(user) {
    this.#prefix = `${this.server} ${encodeURIComponent(user)} `;
  }

  /** @param {string} key */
  get(key) {
    return this.#run("get", key);
  }

  /** @param {string} key @param {any} value */
  set(key, value) {
    return this.#run("set", key, value);
  }

  /** @param {string} key */
  delete(key) {
    return this.#run("delete", key);
  }

  /**
   * The keys that begin so, without what all keys of the user begin with.
   * @param {string} prefix
   * @returns {Promise<string[]>}
   */
  async keys(prefix) {
    const start = this.#prefix?.length;
    return ((await this.#run("keys", prefix)) ?? []).map((/** @type {string} */ key) => key.slice(start));
  }

  async erase() {
    await Promise.all((await this.keys("")).map((key) => this.delete(key)));
  }

  /** @param {keyof Storage} name @param {string} key @param {any} [value] */
  async #run(name, key, value) {
    if (this.#prefix !== undefined) return this.#try(name, this.#prefix + key, value);
  }

  /** @param {keyof Storage} name @param {string} key @param {any} [value] */
  async #try(name, key, value) {
    try {
      return await this.storage[name](key, value);
    } catch {
      return undefined; // full, or forbidden to this page
    }
  }
}
