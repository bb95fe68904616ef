/** What a browser keeps for the next page: loaded where a page uses it. */

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
    try {
      const store = (await (opening ??= open())).transaction("values", "readwrite").objectStore("values");
      return await answer(/** @type {any} */ (store)[method](...call));
    } catch (error) {
      opening = undefined; // a browser may close a database at any time: the next call opens it again
      throw error;
    }
  };
  return {
    get: (key) => run("get", key),
    set: (key, value) => run("put", value, key),
    delete: (key) => run("delete", key),
    keys: (prefix) => run("getAllKeys", IDBKeyRange.bound(prefix, `${prefix}\uffff`)),
  };
}

const ANSWERS_WITHIN = 2_000; // ms that the page waits for a storage; some never answer

/**
 * @param {import("./types.js").Storage | null | undefined} storage
 * @param {string} server
 * @param {{ user: string }} owner of all that is stored; "": it is not known yet who that is
 */
export function openVault(storage, server, owner) {
  let erased = ""; // what the keys begin with that were erased, once something was
  /** What all keys of the user begin with; "": nothing of them is stored. */
  const prefixOf = () => (owner.user && !erased ? `${server} ${encodeURIComponent(owner.user)} ` : "");
  return {
    /** Erases all of the user, or of everybody while it is not known who that is; nothing of them is stored from then on. */
    erase: async () => {
      erased ||= prefixOf() || `${server} `;
      for (const key of (await storage?.keys(erased)) ?? []) await storage?.delete(key);
    },
    /** Whether something is stored here, maybe of another user; false where the storage does not answer in time. */
    isFilled: () => {
      const isFilled = Promise.resolve(storage?.keys(`${server} `)).then((keys) => Boolean(keys?.length));
      return Promise.race([isFilled, new Promise((resolve) => setTimeout(resolve, ANSWERS_WITHIN))]);
    },
    /** @param {string} key @returns {Promise<any>} */
    get: async (key) => {
      const prefix = prefixOf();
      return prefix && storage?.get(prefix + key);
    },
    /** @param {string} key @param {any} value */
    set: async (key, value) => {
      const prefix = prefixOf();
      if (prefix) await storage?.set(prefix + key, value);
    },
    /** @param {string} key */
    delete: async (key) => {
      const prefix = prefixOf();
      if (prefix) await storage?.delete(prefix + key);
    },
    /** The texts of all drafts by the ids of their rooms. @returns {Promise<[number, string][]>} */
    drafts: async () => {
      const prefix = prefixOf();
      const keys = prefix ? await storage?.keys(`${prefix}draft `) : null;
      return Promise.all((keys ?? []).map(async (/** @type {string} */ key) => [Number(key.slice(prefix.length + 6)), (await storage?.get(key))?.text ?? ""]));
    },
    /** The keys that begin so, without what all keys of the user begin with. @param {string} start */
    keys: async (start) => {
      const prefix = prefixOf();
      const found = prefix ? await storage?.keys(prefix + start) : null;
      return (found ?? []).map((/** @type {string} */ key) => key.slice(prefix.length));
    },
  };
}

const FRESH = 20 * 3_600_000; // ms in which the links to files in the storage work

/** What the storage has of a room: shown at once, and continued. @param {import("./room.js").Room} room */
export async function restore(room) {
  const { _vault: vault } = room.chat;
  const [kept, draft] = await Promise.all([vault("get", `room ${room.key}`), vault("get", `draft ${room.key}`), restoreUnsent(room)]);
  if (draft && !room._draft.text) {
    room._draft = draft;
    room.chat.inbox._patch(room.id, { draft: draft.text }); // it may be of another tab
  }
  if (kept?.at > Date.now() - FRESH) {
    const { _timeline: timeline } = room;
    const { cursor, epoch, hasOlder, receipts, messages } = kept;
    Object.assign(timeline, { cursor, epoch, hasOlder });
    for (const message of messages) timeline.put(message);
    timeline._receive(receipts);
    room._isLoaded = true;
  }
  room._changed();
}

/** @param {import("./room.js").Room} room */
async function restoreUnsent(room) {
  const { _vault: vault } = room.chat;
  const keys = (await vault("keys", `outbox ${room.key} `)) ?? [];
  const kept = await Promise.all(keys.map((/** @type {string} */ key) => vault("get", key)));
  const known = new Set(room._outgoing.map(({ client_id }) => client_id));
  const fresh = kept.filter((draft) => draft && !known.has(draft.client_id)).sort((a, b) => a.at - b.at);
  const made = fresh.map((draft) => Object.assign(room._made(draft), { _key: `outbox ${room.key} ${draft.client_id}` }));
  room._outgoing = [...made, ...room._outgoing];
}
