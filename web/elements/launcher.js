/** `<roomcast-launcher>`: a round button on every page, and a popup with the inbox or one chat. */

import { RoomcastElement } from "./base.js";
import { launcherStyle } from "./style-launcher.js";
import { stringsFor } from "./short-words.js";

const SVG_NS = "http://www.w3.org/2000/svg";
const PASSED_ON = ["server", "lang", "dir", "theme", "density", "features", "room", "with", "context", "message", "filter", "context-prefix", "search", "heading", "composer", "placeholder", "suggestion", "enter"];
const PASSED_PROPERTIES = ["strings", "quickReplies", "actions", "renderers", "linkPolicy", "beforeSend"];
const PARTS = "badge panel list search item item-title item-listing item-last item-time header title subtitle listing listing-photo listing-price messages day new-line system message mine theirs author bubble text meta quote reactions chip files picture card composer input send attach pill menu dialog lightbox".split(" ");

export class RoomcastLauncher extends RoomcastElement {
  /** @type {any} */
  inner = null;
  button = /** @type {HTMLButtonElement | null} */ (null);
  panel = /** @type {HTMLElement | null} */ (null);
  count = /** @type {HTMLElement | null} */ (null);
  #isBuilt = false;

  static get observedAttributes() {
    return [...super.observedAttributes, "open", "position", "label", "for", ...PASSED_ON.slice(6)];
  }

  joined() {
    if (!this.#isBuilt) this.#draw();
    this.#isBuilt = true;
    this.#label();
    if (this.open || this.getAttribute("lazy") === "false") this.#fill();
    this.#toggled();
  }

  /** @param {string} name @param {string | null} old @param {string | null} value */
  attributeChangedCallback(name, old, value) {
    super.attributeChangedCallback(name, old, value);
    if (!this.isConnected || old === value || !this.#isBuilt) return;
    if (name === "open") this.#toggled(true);
    else if (name === "label" || name === "lang") this.#label();
    else if (name === "for") this.#refill();
    else if (PASSED_ON.includes(name)) this.#pass(name);
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(value) {
    this.toggleAttribute("open", Boolean(value));
  }

  show() {
    this.open = true;
  }

  close() {
    this.open = false;
  }

  toggle() {
    this.open = !this.open;
  }

  // ------------------------------------------------------------ the button and the popup

  #draw() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(launcherStyle);
    this.root.adoptedStyleSheets = [sheet];
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("part", "launcher");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => this.toggle());
    const slot = document.createElement("slot");
    slot.name = "launcher-icon";
    slot.append(drawing("M4 5h16v11H9l-5 4z", "chat"), drawing("M6 9l6 6 6-6", "down"));
    const count = document.createElement("span");
    count.setAttribute("part", "badge");
    count.hidden = true;
    button.append(slot, count);
    const panel = document.createElement("div");
    panel.setAttribute("part", "panel");
    panel.setAttribute("role", "dialog");
    panel.hidden = true;
    panel.addEventListener("keydown", (event) => this.#key(event));
    this.root.replaceChildren(panel, button);
    Object.assign(this, { button, panel, count });
  }

  #label() {
    void stringsFor(this.language).then(({ strings, plural }) => {
      const { button, panel } = this;
      if (!button || !panel) return;
      const label = this.getAttribute("label") ?? strings.chats;
      const unread = this.unread ? `, ${plural("count", this.unread)}` : "";
      button.setAttribute("aria-label", this.open ? strings.close : label + unread);
      panel.setAttribute("aria-label", label);
    });
  }

  /** What the popup holds, made when it is first opened. */
  #fill() {
    if (this.inner || !this.panel) return;
    const tag = this.getAttribute("for") === "chat" ? "roomcast-chat" : "roomcast-inbox";
    this.inner = document.createElement(tag);
    this.inner.setAttribute("exportparts", PARTS.join(","));
    for (const name of PASSED_ON) this.#pass(name);
    for (const name of PASSED_PROPERTIES) {
      const value = this.property(name) ?? (name === "strings" ? this.strings : undefined);
      if (value !== undefined) this.inner[name] = value;
    }
    for (const name of ["header-start", "header-end", "before-messages", "empty", "composer-start", "composer-end", "no-rooms"]) {
      if (!this.querySelector(`:scope > [slot="${name}"]`)) continue;
      const slot = document.createElement("slot");
      slot.name = name;
      slot.slot = name;
      this.inner.append(slot);
    }
    this.panel.append(this.inner);
  }

  #refill() {
    this.inner?.remove();
    this.inner = null;
    if (this.open) this.#fill();
  }

  /** @param {string} name */
  #pass(name) {
    const value = this.getAttribute(name);
    if (value === null) this.inner?.removeAttribute(name);
    else this.inner?.setAttribute(name, value);
  }

  /** @param {string} name @param {any} value */
  setProperty(name, value) {
    super.setProperty(name, value);
    if (this.inner) this.inner[name] = value;
  }

  #toggled(tells = false) {
    const { open, panel, button } = this;
    if (!panel || !button) return;
    if (open) this.#fill();
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    this.#label();
    if (!tells) return;
    this.emit(open ? "open" : "close", {});
    if (open) void this.inner.shown().then((/** @type {any} */ view) => this.#enter(view));
    else button.focus();
  }

  /** The focus goes where one writes or searches. @param {any} view */
  #enter(view) {
    if (!this.open || matchMedia("(pointer: coarse)").matches) return;
    if (view?.open) view.open.focus();
    else view?.list?.search.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || this.inner?.view?.menu.box.matches(":popover-open")) return;
    if (this.inner?.view?.dialog.box.open) return;
    this.close();
  }

  counted() {
    super.counted();
    const { count } = this;
    if (!count) return;
    count.hidden = this.unread === 0;
    const format = new Intl.NumberFormat(this.language);
    count.textContent = this.unread > 99 ? `${format.format(99)}+` : format.format(this.unread);
    this.#label();
  }

  // ------------------------------------------------------------ what a site calls

  /** Opens a conversation in the popup. @param {any} room @param {{ message?: number }} [how] */
  async select(room, how = {}) {
    this.show();
    return this.inner.select(room, how);
  }

  /** @param {any} draft */
  async send(draft) {
    this.#fill();
    return this.inner.send(draft);
  }

  /** @param {string} text */
  async insert(text) {
    this.show();
    return this.inner.insert(text);
  }

  async focusComposer() {
    this.show();
    return this.inner.focusComposer();
  }

  /** @param {string} words */
  async find(words) {
    this.show();
    return this.inner.find?.(words);
  }
}

/** @param {string} d @param {string} name */
function drawing(d, name) {
  const svg = document.createElementNS(SVG_NS, "svg");
  const path = document.createElementNS(SVG_NS, "path");
  path.setAttribute("d", d);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", name);
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}
