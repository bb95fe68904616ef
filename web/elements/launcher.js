/** `<roomcast-launcher>`: a round button on every page, and a popup with the inbox or one chat. */

import { putSheet, RoomcastElement } from "./base.js";
import { RoomcastChat } from "./chat.js";
import { countOf, sayShortly } from "./languages.js";
import { insist } from "./session.js";
import { launcherStyle } from "./style-launcher.js";

export class RoomcastLauncher extends RoomcastElement {
  button = document.createElement("button");
  count = document.createElement("span");

  static get observedAttributes() {
    return [...RoomcastChat.observedAttributes, "filter", "context-prefix", "search", "open", "label", "for"];
  }

  joined() {
    if (!this.root.firstChild) this.#draw();
    this.counted();
    if (this.open || this.getAttribute("lazy") === "false") void this.build();
    else if (globalThis.Notification?.permission === "granted") this.#notify();
  }

  /** The client shows notifications: it has to be there once nobody looks at the page. */
  #notify() {
    const build = () => void (this.isConnected && this.shown());
    if (document.hasFocus()) addEventListener("blur", build, { once: true });
    else build();
  }

  /** @param {any} known */
  ownViews(known) {
    return known?.LauncherPanel ? known : insist(() => import("./lazy-launcher.js"));
  }

  /** @param {any} views */
  makeView(views) {
    return new views.LauncherPanel(this);
  }

  /** @param {string} name @param {string | null} old @param {string | null} value */
  attributeChangedCallback(name, old, value) {
    if (name !== "open") super.attributeChangedCallback(name, old, value);
    if (!this.link || (old === null) === (value === null)) return;
    if (name === "open") this.#turn();
    else if (name === "label") this.#label();
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

  #draw() {
    putSheet(this.root, launcherStyle);
    const { button, count } = this;
    button.type = "button";
    button.setAttribute("part", "launcher");
    count.setAttribute("part", "badge");
    button.addEventListener("click", () => this.toggle());
    const slot = document.createElement("slot");
    slot.name = "launcher-icon";
    slot.append(launcherIcon());
    button.append(slot, count);
    this.root.append(button);
  }

  #turn() {
    this.#label();
    this.emit(this.open ? "open" : "close", {});
    if (this.open) void this.shown().then((panel) => panel?.show());
    else {
      this.view?.hide();
      this.button.focus();
    }
  }

  #label() {
    const { button, open } = this;
    button.setAttribute("aria-expanded", String(open));
    sayShortly(this.language, (strings) => {
      const unread = this.unread ? `, ${countOf(strings, this.unread)}` : "";
      button.setAttribute("aria-label", open ? strings.close : (this.getAttribute("label") ?? strings.chats) + unread);
    });
  }

  counted() {
    super.counted();
    const { count, unread } = this;
    count.hidden = !unread;
    count.textContent = unread > 99 ? "99+" : String(unread);
    this.#label();
  }
}

/** A balloon, and an arrow for where it is open. */
function launcherIcon() {
  const drawn = (/** @type {string} */ tag, /** @type {Record<string, string>} */ about) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const key in about) node.setAttribute(key, about[key]);
    return node;
  };
  const svg = drawn("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  svg.append(drawn("path", { class: "chat", d: "M4 5h16v11H9l-5 4z" }), drawn("path", { class: "down", d: "M6 9l6 6 6-6" }));
  return svg;
}
