/** The popup of a launcher: made when it is first opened, with an inbox or a chat in it. */

import { h } from "./dom.js";
import { stayAbove } from "./keyboard.js";
import { addSheet } from "./sheets.js";
import { panelStyle, WHOLE_WINDOW } from "./style-panel.js";

const PASSED_ON = ["server", "lang", "dir", "theme", "density", "features", "room", "with", "context", "message", "filter", "context-prefix", "search", "heading", "composer", "placeholder", "suggestion", "enter"];
const PASSED_PROPERTIES = ["strings", "quickReplies", "actions", "renderers", "linkPolicy", "beforeSend"];
const SLOTS = ["header-start", "header-end", "before-messages", "empty", "composer-start", "composer-end", "list-start", "no-rooms"];
const EXPORTED = [
  "badge list search item item-title item-listing item-last item-time header title subtitle listing listing-photo",
  "listing-price messages day new-line system message mine theirs author bubble text meta quote reactions chip files",
  "picture card composer input send attach pill menu dialog lightbox",
].join(" ");

export class LauncherPanel {
  frame = /** @type {HTMLDialogElement} */ (h("dialog", { part: "panel", hidden: true }));
  #small = matchMedia(WHOLE_WINDOW);
  #leaving = new AbortController();
  #stop = () => {};

  /** @param {any} host the launcher */
  constructor(host) {
    this.host = host;
    addSheet(host.root, panelStyle);
    this.frame.setAttribute("aria-label", host.getAttribute("label") ?? host.words.say("chats"));
    this.frame.addEventListener("keydown", (event) => this.#key(event));
    this.frame.addEventListener("close", () => this.frame.open || host.close()); // the way back of a phone closes it too
    this.#small.addEventListener("change", () => this.#place(), { signal: this.#leaving.signal });
    this.#stop = stayAbove(host.root, "[part=panel]", () => this.#small.matches);
    this.inner = /** @type {any} */ (document.createElement(host.getAttribute("for") === "chat" ? "roomcast-chat" : "roomcast-inbox"));
    this.inner.setAttribute("exportparts", EXPORTED.split(" ").join(","));
    for (const name of PASSED_ON) this.#pass(name, host.getAttribute(name));
    for (const name of PASSED_PROPERTIES) if (host[name] !== undefined) this.inner[name] = host[name];
    for (const name of SLOTS) this.#passSlot(name);
    this.frame.append(this.inner);
    host.root.prepend(this.frame);
    if (host.open) this.show();
  }

  destroy() {
    this.#leaving.abort();
    this.#stop();
    this.host.root.append(this.host.button);
    this.frame.remove();
  }

  /** A popup beside the button; where it covers the window, a modal dialog with the button in it. */
  #place() {
    const { frame, host } = this;
    const isModal = this.#small.matches;
    if (!host.open || !host.isConnected || (frame.open && frame.matches(":modal") === isModal)) return;
    frame.close();
    frame.hidden = false;
    frame.setAttribute("aria-modal", String(isModal));
    if (isModal) frame.prepend(host.button);
    else host.root.append(host.button);
    if (isModal) frame.showModal();
    else frame.open = true; // show() would move the focus
  }

  show() {
    this.#place();
    void this.inner.shown().then((/** @type {any} */ view) => this.#enter(view));
  }

  hide() {
    this.frame.close();
    this.frame.hidden = true;
    this.host.root.append(this.host.button);
  }

  /** A slot of the site's that the site has filled in the launcher. @param {string} name */
  #passSlot(name) {
    if (this.host.querySelector(`:scope > [slot="${name}"]`)) this.inner.append(h("slot", { name, slot: name }));
  }

  /** @param {string} name @param {string | null} value */
  #pass(name, value) {
    if (value === null) this.inner.removeAttribute(name);
    else this.inner.setAttribute(name, value);
  }

  /** An attribute or a property of the launcher was changed. @param {string} name @param {any} value */
  changed(name, value) {
    if (name === "for") this.host.rebuild();
    else if (PASSED_ON.includes(name)) this.#pass(name, value);
    else if (PASSED_PROPERTIES.includes(name)) this.inner[name] = value;
  }

  /** The focus goes where one writes or searches. @param {any} view */
  #enter(view) {
    if (!this.host.open || matchMedia("(pointer: coarse)").matches) return;
    if (view?.open) view.open.focus();
    else view?.list?.search.focus({ preventScroll: true });
  }

  /** Escape closes the popup, once nothing inside has a use for it. @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault(); // or a dialog of the site around it would close too
    this.host.close();
  }

  // ------------------------------------------------------------ what a site calls

  /** @param {any} room @param {any} how */
  select(room, how) {
    this.host.show();
    return this.inner.select(room, how);
  }

  /** @param {any} draft */
  send(draft) {
    return this.inner.send(draft);
  }

  /** @param {string} text */
  insert(text) {
    this.host.show();
    return this.inner.insert(text);
  }

  focusComposer() {
    this.host.show();
    return this.inner.focusComposer();
  }

  /** @param {string} words */
  find(words) {
    this.host.show();
    return this.inner.find(words);
  }
}
