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

  /** What a site has selected, or the attributes name. */
  #showWanted() {
    const { chosen } = this.host;
    if (chosen) return this.#show(this.#modelOf(chosen), null);
    const room = Number(this.host.getAttribute("room")) || null;
    const partner = this.host.getAttribute("with");
    const context = this.host.getAttribute("context") ?? undefined;
    if (room) this.#show(this.chat.room(room));
    else if (partner) this.#show(this.chat.with(partner, { context }));
    else this.chat._identify?.();
  }

  /** @param {any} model @param {number | null} [message] */
  #show(model, message = Number(this.host.getAttribute("message")) || null) {
    this.open?.destroy();
    this.open = new ChatView(this.host, model, { shell: this, back: null, wanted: message });
    this.frame.append(this.open.box);
  }

  /** @param {any} target @param {{ message?: number }} [how] */
  async select(target, { message } = {}) {
    if (!this.host.emit("select", { room: target }, true)) return false;
    this.host.chosen = target;
    const model = this.#modelOf(target);
    if (model === this.open?.model) return message ? this.open.history.jump(message) : true;
    this.#show(model, message ?? null);
    return true;
  }

  /** @param {any} target a room, or who it is with */
  #modelOf(target) {
    return typeof target === "object" ? this.chat.with(target.with, { context: target.context }) : this.chat.room(Number(target));
  }

  close() {
    this.host.close?.();
  }

  /** @param {string} name @param {any} value */
  changed(name, value) {
    if (/^(room|with|context)$/.test(name)) this.host.chosen = null;
    if (name === "message" && value) void this.open?.history.jump(Number(value));
    else super.changed(name, value);
  }
}
