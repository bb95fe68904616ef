import { later } from "./errors.js";
import { loadModule } from "./loading.js";

/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {ReturnType<typeof import("./lazy-browser.js").openVault>} Vault */
/** @typedef {(name: "open" | keyof Vault, ...call: any[]) => Promise<any>} Vaulted */

const NAME = "roomcast"; // of the database where a page brings no storage

/**
 * IndexedDB, where files can be kept too.
 * @param {string} [name] of the database
 * @returns {Storage}
 */
export function browserStorage(name = NAME) {
  const open = later(async () => (await loadBrowser()).openStorage(name));
  const methods = ["get", "set", "delete", "keys"].map((name) => [name, async (/** @type {any[]} */ ...call) => /** @type {any} */ (await open())[name](...call)]);
  return Object.fromEntries(methods);
}

/** Whether the browser has a database of ours already; also where it doesn't say, but not where it never answers. */
const isMade = () => Promise.race([isListed(), new Promise((resolve) => setTimeout(resolve, 2_000))]);

async function isListed() {
  const all = await indexedDB.databases?.();
  return !all || all.some(({ name }) => name === NAME);
}

/**
 * What is stored for one user of one server: a call of it, by its name. A storage that fails loses its
 * contents, nothing else. Where nothing can be stored yet, what reads it is loaded with the first value.
 * @param {Storage | null | undefined} storage
 * @param {string} server
 * @returns {Vaulted}
 */
export function vaultOf(storage, server) {
  const isOurs = () => storage === undefined && Boolean(globalThis.indexedDB); // some browsers forbid to look
  const owner = { user: "" }; // of what is stored; "": it is not known yet who that is
  const open = later(async () => (await loadBrowser()).openVault(isOurs() ? browserStorage() : storage, server, owner));
  return async (name, ...call) => {
    try {
      if (name === "open") return void (owner.user ||= call[0]);
      if (name === "isFilled" && isOurs() && !(await isMade())) return false; // to make a database takes longer than the first messages
      return await /** @type {any} */ (await open())[name](...call);
    } catch {
      return undefined; // full, or forbidden to this page
    }
  };
}

/** @internal What a page has in its own bundle is not loaded. */
export const bundled = {
  _list: /** @type {Promise<typeof import("./lazy-list.js")> | null} */ (null),
};
export const loadBrowser = later(() => loadModule(() => import("./lazy-browser.js")));
