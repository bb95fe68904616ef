/** What the four elements share: attributes, properties, language, session and events. */

import { stringsFor } from "./languages.js";
import { addressOf, sessionOf } from "./session.js";

/** The class exists where there is no DOM too, so that a server can import the module. */
const Element = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

const PROPERTIES = "token getToken strings quickReplies actions renderers linkPolicy beforeSend".split(" ");

/** Extended by each element; a view is what it shows once the client is loaded. */
export class RoomcastElement extends Element {
  /** @type {any} */
  view = null;
  /** @type {import("./session.js").SharedSession | null} */
  link = null;
  /** @type {any} */
  words = null;
  shownIn = ""; // the language of what is shown
  /** @type {Record<string, any>} */
  #properties = {};
  #listening = new AbortController();
  #turn = 0; // grows with each building, and with each end of a view
  /** @type {Promise<any> | null} */
  #building = null;
  #isBuilt = false;

  static get observedAttributes() {
    return "server token lang dir theme density features".split(" ");
  }

  constructor() {
    super();
    this.attachShadow({ mode: "open" });
  }

  /** @type {ShadowRoot} */
  get root() {
    return /** @type {ShadowRoot} */ (this.shadowRoot);
  }

  connectedCallback() {
    const self = /** @type {any} */ (this);
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue; // it was set before the class was defined
      const value = self[name];
      delete self[name];
      self[name] = value;
    }
    if (!this.link) return this.#join();
    this.counted();
    this.view?.open?.render(); // where it was scrolled to
  }

  /** An element that is only moved keeps what it shows. */
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#leave());
  }

  /** @param {string} name @param {string | null} old @param {string | null} value */
  attributeChangedCallback(name, old, value) {
    if (old === value) return;
    if (!this.isConnected) return this.#leave();
    if (name === "server") {
      this.#leave();
      this.#join();
    } else if (name === "token") this.link?.login({ token: value ?? undefined });
    else if (/^(lang|dir|features)$/.test(name)) this.rebuild();
    else this.view?.changed?.(name, value);
  }

  // ------------------------------------------------------------ the session

  #join() {
    const link = sessionOf(this.server);
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.link = link;
    const { token, getToken } = /** @type {any} */ (this);
    if (token || getToken) link.login({ ...(token && { token }), ...(getToken && { getToken }) });
    const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ act) => link.addEventListener(name, act, { signal });
    on("unread", () => this.counted());
    on("state", () => this.emit("state", { state: link.state }));
    on("signedout", ({ detail: why }) => {
      if (why === "left") this.#wipe(); // nothing of the user's stays in the page
      this.emit("signed-out", { why });
    });
    on("restart", () => this.rebuild());
    const greet = () => this.emit("ready", { user: this.user });
    on("ready", greet);
    link.hold(this);
    if (this.user) queueMicrotask(greet); // known already; the site listens by then
    this.joined();
  }

  #leave() {
    this.#listening.abort();
    this.#wipe();
    this.link?.release(this);
    this.link = null;
  }

  #wipe() {
    this.#turn += 1;
    this.#building = null;
    this.view?.frame.remove();
    this.view?.destroy();
    this.view = null;
  }

  /** Shows the whole view, loading it first. @returns {Promise<any>} */
  build() {
    this.#isBuilt = true;
    return (this.#building = this.#build());
  }

  async #build() {
    const turn = ++this.#turn;
    const { link, language } = this;
    const [chat, own, strings] = await Promise.all([link?.client(), this.ownViews(link?.views), stringsFor(language)]);
    if (turn !== this.#turn) return this.#building;
    if (!link) return null;
    this.view?.destroy();
    this.shownIn = language;
    this.words = link.views.wordsOf(language, strings, this.property("strings"));
    this.view = this.makeView({ ...link.views, ...own }, chat);
    return this.view;
  }

  rebuild() {
    if (this.#isBuilt) void this.build();
  }

  /** The view, once it is there. @returns {Promise<any>} */
  async shown() {
    return this.view ?? this.#building ?? this.build();
  }

  /** What the view of this element needs beside what all views need. @param {any} known @returns {any} */
  ownViews(known) {}

  /** @param {any} views @param {any} chat @returns {any} */
  makeView(views, chat) {
    return null;
  }

  joined() {}

  counted() {
    this.emit("unread", this.link?.unread);
  }

  // ------------------------------------------------------------ what a site sets and reads

  get server() {
    return addressOf(this.getAttribute("server"));
  }

  set server(value) {
    this.setAttribute("server", value);
  }

  /** The language: the attribute, the nearest `lang` around the element, or the browser's. */
  get language() {
    for (let at = /** @type {any} */ (this); at; at = at.parentNode ?? at.host) {
      const lang = at.getAttribute?.("lang");
      if (lang) return lang;
    }
    return navigator.language || "en";
  }

  /** The SDK object; null until an element needed it. */
  get session() {
    return this.link?.chat ?? null;
  }

  get user() {
    return (this.link?.state !== "signedout" && this.session?.me) || null;
  }

  get unread() {
    return this.link?.unread.total ?? 0;
  }

  /** @param {string} name */
  property(name) {
    return this.#properties[name] ?? this.getAttribute(name);
  }

  /** @param {string} name @param {any} value */
  setProperty(name, value) {
    const old = this.#properties[name];
    if (value === old) return;
    this.#properties[name] = value;
    if (/token/i.test(name)) this.link?.login({ [name]: value });
    else if (name !== "strings") this.view?.changed(name, value);
    else if (JSON.stringify(value) !== JSON.stringify(old)) this.rebuild();
  }

  /** Erases what the browser keeps of this user and closes the sockets. */
  async signOut() {
    await this.link?.signOut();
  }

  /**
   * Tells the site; false when it said no to a cancelable event.
   * @param {string} name
   * @param {any} detail
   * @param {boolean} [cancelable]
   */
  emit(name, detail, cancelable = false) {
    const about = { detail, cancelable, bubbles: true, composed: true };
    return this.dispatchEvent(new CustomEvent(`roomcast-${name}`, about));
  }
}

/** @param {string} name @param {PropertyDescriptor & ThisType<RoomcastElement>} about */
const addMember = (name, about) => Object.defineProperty(RoomcastElement.prototype, name, { configurable: true, ...about });

/** What a site calls on an element waits for its view, which does it. */
for (const name of "select send insert focusComposer find".split(" ")) {
  addMember(name, {
    writable: true,
    async value(/** @type {any[]} */ ...given) {
      return (await this.shown())?.[name](...given);
    },
  });
}

for (const name of PROPERTIES) {
  addMember(name, {
    get() {
      return this.property(name);
    },
    set(value) {
      this.setProperty(name, value);
    },
  });
}

/** What an element looks like before its view is there. @param {ShadowRoot} root @param {string} css */
export function putSheet(root, css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
}

/** Makes elements known to the page, where there is one. @param {Record<string, any>} elements by the end of their names */
export function defineElements(elements) {
  if (!globalThis.customElements) return;
  for (const name in elements) {
    if (!customElements.get(`roomcast-${name}`)) customElements.define(`roomcast-${name}`, elements[name]);
  }
}
