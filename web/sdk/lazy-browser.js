/** What only browsers have: loaded where a page uses it. */

/**
 * @param {string} name of the database
 * @returns {import("./types.js").Storage}
 */
export function openStorage(name) {
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

/**
 * The other tabs of this user. One of them leads: it shows notifications.
 * @param {string} name of the user
 * @param {(news: any) => void} receive
 * @param {() => void} lead is called in the tab that leads, now or later
 * @returns {{ post: (news: any) => void, close: () => void }}
 */
export function joinTabs(name, receive, lead) {
  const channel = globalThis.BroadcastChannel && new BroadcastChannel(name);
  if (channel) channel.onmessage = ({ data }) => receive(data);
  /** @type {{ unref?: () => void } | undefined} */ (channel)?.unref?.();
  const closing = new AbortController();
  const locks = globalThis.navigator?.locks;
  const held = () => new Promise((resolve) => closing.signal.addEventListener("abort", resolve));
  if (!locks) lead();
  else {
    const whileOpen = () => (lead(), held());
    locks.request(name, { signal: closing.signal }, whileOpen).catch(() => {}); // closed before it led
  }
  return {
    post: (news) => channel?.postMessage(news),
    close() {
      closing.abort();
      channel?.close();
    },
  };
}
