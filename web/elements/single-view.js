/** `<roomcast-chat>`: one conversation. */

import { ChatView } from "./chat-view.js";
import { Shell } from "./shell.js";

export class SingleView extends Shell {
  /** @param {any} host @param {any} chat */
  constructor(host, chat) {
    super(host, chat);
    this.#showWanted();
    if (host.getAttribute("autofocus") === "smart" && !matchMedia("(pointer: coarse)").matches) this.open?.focus();
  }

  #showWanted() {
    const room = Number(this.host.getAttribute("room")) || null;
    const partner = this.host.getAttribute("with");
    const context = this.host.getAttribute("context") ?? undefined;
    if (room) this.#show(this.chat.room(room));
    else if (partner) this.#show(this.chat.with(partner, { context }));
  }

  /** @param {any} model @param {number | null} [message] */
  #show(model, message = Number(this.host.getAttribute("message")) || null) {
    this.open?.destroy();
    this.open = new ChatView(this.host, model, { shell: this, back: null, wanted: message });
    this.frame.append(this.open.box);
  }

  /** @param {any} target @param {{ message?: number }} [how] */
  async select(target, { message } = {}) {
    const isPerson = typeof target === "object";
    if (!this.host.emit("select", { room: target }, true)) return false;
    const model = isPerson ? this.chat.with(target.with, { context: target.context }) : this.chat.room(Number(target));
    if (model === this.open?.model) return message ? this.open.history.jump(message) : true;
    this.#show(model, message ?? null);
    return true;
  }

  close() {
    this.host.close?.();
  }

  /** @param {string} name @param {any} value */
  changed(name, value) {
    if (name === "message" && value) void this.open?.history.jump(Number(value));
    else super.changed(name, value);
  }
}
