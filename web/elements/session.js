/**
 * One session per server, shared by all elements of the page: it counts what is unread over a single
 * light socket, and gives way to the whole client when an element needs it.
 */

import { loadModule } from "../sdk/loading.js";

/**
 * @typedef {{ token?: string, getToken?: () => string | Promise<string> }} Login
 * @typedef {{ total: number, rooms: { room_id: number, unread: number }[] }} Unread
 * @typedef {typeof import("./views.js")} Views
 */

/** @type {Map<string, SharedSession>} */
const sessions = new Map();
/** @type {Login & { server?: string }} */
const defaults = {};
/** @type {Views | null} */
let knownViews = null;
const RELEASE_AFTER = 5_000; // ms that a session outlives its last element
export const RETRY_AFTER = 3_000; // ms after which a file that could not be loaded is asked for again

/**
 * How every element on the page signs in, unless it says otherwise itself.
 * @param {Login & { server?: string }} options
 */
export function configure(options) {
  Object.assign(defaults, options);
  for (const session of sessions.values()) session.login({});
}

/** The views, where a page has them in its own bundle. @param {any} views */
export function useViews(views) {
  knownViews = views;
}

/** What can't be loaded is tried again, until it is there. @template T @param {() => Promise<T>} way @returns {Promise<T>} */
export async function insist(way) {
  try {
    return await loadModule(way);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
    return insist(way);
  }
}

/** The address of a chat: an element's own, what was configured, or the folder above the one this module lies in. @param {string | URL | null} [own] */
export function addressOf(own) {
  const url = new URL(own ?? defaults.server ?? new URL("../", import.meta.url), document.baseURI).href;
  return url.endsWith("/") ? url : `${url}/`;
}

/** @param {string} server */
export function sessionOf(server) {
  const found = sessions.get(server) ?? new SharedSession(server);
  sessions.set(server, found);
  return found;
}

/** Resolves once the scripts of the page have run, so that a token set by them is known. */
function pageReady() {
  return new Promise((done) => (document.readyState === "loading" ? addEventListener("DOMContentLoaded", done) : done(null)));
}

/** Events: "unread", "state", "signedout" (with the reason), "ready" (it is known who the user is), "restart" (another login). */
export class SharedSession extends EventTarget {
  /** @type {Unread} */
  unread = { total: 0, rooms: [] };
  state = "connecting";
  /** @type {any} */
  chat = null;
  /** @type {any} the exports of `views.js`; those of a page with its own bundle from the start */
  views = knownViews;
  #own = /** @type {Login} */ ({});
  /** @type {Login | null} what the open connections were opened with */
  #used = null;
  holders = new Set(); // the elements
  /** @type {import("./lazy-unread.js").UnreadSocket | null} */
  #light = null;
  /** @type {Promise<any> | null} */
  #whole = null;
  #started = false;
  #generation = 0; // grows with each end, so that a load under way knows of it

  /** @param {string} server */
  constructor(server) {
    super();
    this.server = server;
  }

  /** The login in force. @returns {Login} */
  get credentials() {
    const { token, getToken } = { ...defaults, ...this.#own };
    return { token: token || undefined, getToken };
  }

  /**
   * Another way to sign in: what was open is opened again with it. Another function for the same way is asked
   * from then on: frameworks make a new one with each rendering. Another token of the same user changes
   * nothing that is shown.
   * @param {Login} own
   */
  login(own) {
    Object.assign(this.#own, own);
    const used = this.#used;
    if (!used) return;
    const { token, getToken } = this.credentials;
    const isNew = token !== used.token;
    const isKnown = this.chat?.me && this.chat.state !== "ended";
    if (!getToken === !used.getToken && (isNew ? token && isKnown : this.state !== "signedout")) {
      used.token = token;
      used.getToken = getToken;
      if (this.chat) this.chat.session.getToken = getToken;
      if (isNew) void this.#renew(token);
    } else this.#restart();
  }

  /** @param {string | undefined} token */
  async #renew(token) {
    const { chat } = this;
    const isSameUser = await insist(() => chat._renew(token));
    if (!isSameUser && chat === this.chat && token === this.#used?.token) this.#restart();
  }

  #restart() {
    this.#close();
    this.tell("restart");
    void this.#start();
  }

  /** A new element is a new try where the user was signed out: they may have come back meanwhile. @param {object} element */
  hold(element) {
    this.holders.add(element);
    if (this.state === "signedout") this.login({});
    else void this.#start();
  }

  /** @param {object} element */
  release(element) {
    this.holders.delete(element);
    setTimeout(() => this.holders.size === 0 && this.#close(), RELEASE_AFTER);
  }

  async #start() {
    await pageReady();
    if (this.#started || !this.holders.size) return;
    this.#started = true;
    if (this.#whole) return;
    const generation = this.#generation;
    this.#used = this.credentials;
    const { UnreadSocket } = await insist(() => import("./lazy-unread.js"));
    if (generation !== this.#generation || this.chat) return;
    this.#light = new UnreadSocket(this.server, this.#used, {
      unread: (unread) => this.count(unread),
      state: (state) => this.turn(state),
    });
  }

  /** The client, where it is asked for at once who the user is. @returns {Promise<any>} */
  async whole() {
    const chat = await this.client();
    chat._identify?.();
    return chat;
  }

  /** Loads the views and the client; the light socket ends. @returns {Promise<any>} */
  client() {
    return (this.#whole ??= this.#load());
  }

  async #load() {
    const generation = this.#generation;
    const views = this.views ?? (await insist(() => import("./views.js")));
    await pageReady();
    if (generation !== this.#generation) return this.client();
    this.views = views;
    return this.#open(views.openChat);
  }

  /** The client, which takes the place of the light socket. @param {Views["openChat"]} openChat @returns {any} */
  open(openChat) {
    const chat = this.#open(openChat);
    chat._identify?.();
    return chat;
  }

  /** @param {Views["openChat"]} openChat @returns {any} */
  #open(openChat) {
    if (this.chat) return this.chat;
    this.#started = true;
    this.#light?.close();
    this.#used = this.credentials;
    return (this.chat = openChat(this, this.#used));
  }

  #close() {
    this.#light?.close();
    this.chat?.end();
    this.chat = null;
    this.#whole = null;
    this.#generation += 1;
    this.#started = false;
    this.state = "connecting";
  }

  /** Ends the session and erases what it kept in the browser. */
  async signOut() {
    const chat = await this.whole();
    await chat.signOut();
  }

  /** @param {Unread} unread */
  count(unread) {
    this.unread = unread;
    this.tell("unread");
  }

  /** @param {string} state */
  turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell("state");
    if (state === "signedout" && !this.chat) this.tell("signedout", "unauthenticated");
    if (state !== "ended") return; // else the user has signed out, by an element or by the client itself
    this.state = "signedout";
    this.refused("left");
  }

  /** @param {string} why `left`: the user has signed out, here or in another tab */
  refused(why) {
    if (why === "left") this.count({ total: 0, rooms: [] });
    this.tell("signedout", why);
  }

  /** @param {string} name @param {any} [detail] */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
