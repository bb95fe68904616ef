import { later } from "./errors.js";

/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {ReturnType<typeof import("./lazy-browser.js").openVault>} Vault */
/** @typedef {(name: keyof Vault, ...call: any[]) => Promise<any>} Vaulted */

/**
 * IndexedDB, where files can be kept too.
 * @param {string} [name] of the database
 * @returns {Storage}
 */
export function browserStorage(name = "roomcast") {
  const open = later(async () => (await loadBrowser()).openStorage(name));
  /** @param {keyof Storage} method */
  const lazy = (method) => async (/** @type {any[]} */ ...call) => /** @type {any} */ (await open())[method](...call);
  return { get: lazy("get"), set: lazy("set"), delete: lazy("delete"), keys: lazy("keys") };
}

/**
 * What is stored for one user of one server: a call of it, by its name. A storage that fails loses its contents, nothing else.
 * @param {Storage | null | undefined} storage
 * @param {string} server
 * @returns {Vaulted}
 */
export function vaultOf(storage, server) {
  const open = later(async () => (await loadBrowser()).openVault(storage, server));
  return async (name, ...call) => {
    try {
      return await /** @type {any} */ (await open())[name](...call);
    } catch {
      return undefined; // full, or forbidden to this page
    }
  };
}

/** @internal What a page has in its own bundle is not loaded. */
export const bundled = {
  _browser: /** @type {Promise<typeof import("./lazy-browser.js")> | null} */ (null),
  _list: /** @type {Promise<typeof import("./lazy-list.js")> | null} */ (null),
};
export const loadBrowser = later(() => bundled._browser ?? import("./lazy-browser.js"));
