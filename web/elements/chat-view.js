/** One conversation: its header, its messages and its composer, on one room of the SDK. */

import { loadModule } from "../sdk/loading.js";
import { ChatHeader } from "./chat-header.js";
import { afterPaint, h, oncePerFrame } from "./dom.js";
import { MessageHistory } from "./history.js";
import { titleOf } from "./people.js";

export class ChatView {
  #off = /** @type {(() => void)[]} */ ([]);
  newest = /** @type {number | undefined} */ (undefined); // the last message that was there or was announced
  #added = new Set(); // parts that were asked for
  #isShown = false; // whether messages are on the screen
  #wantsFocus = false; // the composer gets the focus once it is there
  /** @type {any} */
  composer = null; // loaded after the first messages
  /** @type {(composer: any) => void} */
  #composed = () => {};
  /** The composer, once it is there. @type {Promise<any>} */
  composing = new Promise((resolve) => (this.#composed = resolve));

  /**
   * @param {any} host the element
   * @param {any} model the room of the SDK
   * @param {{ shell: any, back: (() => void) | null, wanted: number | null }} around the view around, the way back, and the message to go to
   */
  constructor(host, model, { shell, back, wanted }) {
    this.host = host;
    this.model = model;
    this.shell = shell;
    this.words = shell.words;
    this.back = back;
    this.wanted = wanted;
    const isWritten = (host.getAttribute("composer") ?? "auto") === "auto";
    this.foot = isWritten ? h("div", { className: "foot" }) : null;
    this.header = new ChatHeader(this);
    this.history = new MessageHistory(this);
    this.scroll = h("div", { className: "scroll" }, this.history.scroller);
    this.before = h("slot", { name: "before-messages" });
    const head = host.getAttribute("heading") === "none" ? null : this.header.box;
    this.box = h("section", { className: "conversation" }, head, this.before, this.scroll, this.foot);
    this.#listen();
    this.render();
  }

  #listen() {
    const { model } = this;
    const render = () => this.box.isConnected && this.render();
    const later = oncePerFrame(render);
    this.#off.push(model.subscribe(() => (this.#isShown ? later() : queueMicrotask(render)))); // the first messages don't wait
    const clock = setInterval(() => this.render(), 60_000); // "Today", "5 min. ago", and parts that could not be loaded
    this.#off.push(() => clearInterval(clock));
    for (const name of ["messages", "sent", "refused", "presence"]) {
      this.#off.push(model.on(name, (/** @type {any} */ detail) => void this.history.enriched.then((/** @type {any} */ { tools }) => tools[name](detail))));
    }
  }

  destroy() {
    this.composer?.destroy();
    this.history.destroy();
    for (const off of this.#off) off();
    this.box.remove();
  }

  render() {
    const { snapshot } = this.model;
    if (snapshot.loaded) this.newest ??= snapshot.messages.at(-1)?.message_id ?? 0;
    this.header.render();
    this.composer?.render();
    this.history.render();
    this.tools?.states.render();
    if (this.#isShown) this.#addParts();
    else if (snapshot.loaded || /waiting|ended/.test(snapshot.state)) afterPaint(() => this.#addParts());
    this.box.setAttribute("aria-label", titleOf(this.room, this.me, this.words));
  }

  redraw() {
    this.header.forget();
    this.history.forget();
    this.render();
  }

  /**
   * Loads a part of the view after the first messages. What can't be loaded is tried again with the next
   * rendering.
   * @param {"Composer" | "Extras"} name
   * @param {() => Promise<any>} way
   * @param {(Part: any) => void} add
   */
  async #addPart(name, way, add) {
    if (this.#added.has(name)) return;
    this.#added.add(name);
    const part = (await loadModule(way).catch(() => null))?.[name];
    if (!part) this.#added.delete(name);
    else if (!this.history.isOver) add(part);
  }

  /** What is needed once the first messages are on the screen. */
  #addParts() {
    if (this.history.isOver) return;
    this.#isShown = true;
    this.shell.chat._identify?.();
    const { loaded, state, id } = this.model.snapshot;
    if (loaded && (state === "open" || id === null)) void this.shell.learn();
    void this.#addPart("Extras", () => import("./lazy-extras.js"), (Extras) => this.history.enrich(Extras));
    if (this.foot) void this.#addPart("Composer", () => import("./lazy-composer.js"), (Composer) => this.#addComposer(Composer));
  }

  /** @param {any} Composer */
  #addComposer(Composer) {
    this.composer = new Composer(this);
    this.composer.box.hidden = this.foot?.hidden;
    this.foot?.replaceWith(this.composer.box);
    this.foot = this.composer.box;
    this.#composed(this.composer);
    this.composer.render();
    if (this.#wantsFocus && this.history.focused() === this.history.scroller) this.focus(); // it has not moved on meanwhile
  }

  /** Does something with the composer once it is there. @param {(composer: any) => void} act */
  compose(act) {
    void this.composing.then(act);
  }

  /** What is loaded after the first messages; null before. */
  get tools() {
    return this.history.extras?.tools;
  }

  get room() {
    return this.history.room;
  }

  get me() {
    return this.shell.chat._user;
  }

  /** Whether nothing was said here yet. */
  get isNew() {
    const { loaded, messages, outgoing } = this.model.snapshot;
    return loaded && !messages.length && !outgoing.length;
  }

  focus() {
    const isWritten = this.foot && !this.foot.hidden;
    this.#wantsFocus = Boolean(isWritten && !this.composer);
    const field = isWritten && this.composer ? this.composer.input : this.history.scroller;
    field.focus();
  }

  /** Says something for a few seconds. @param {string} text @param {boolean} [isBad] */
  notice(text, isBad = false) {
    void this.history.enriched.then((/** @type {any} */ { tools }) => tools.states.notice(text, isBad));
  }

  // ------------------------------------------------------------ what can be done

  /** @param {any} draft */
  send(draft) {
    this.history.firstNew = 0; // who writes has seen what was new
    this.model.send(draft);
    void this.history.toNewest();
  }

  /** From a script or a quick reply, without the composer. @param {any} given a draft, or a text */
  async sendText(given) {
    const draft = await this.prepare({ text: "", files: [], ...(typeof given === "string" ? { text: given } : given) });
    if (draft && (draft.text.trim() || draft.files.length || draft.data)) this.send(draft);
  }

  /** What the site makes of a draft: `beforeSend` may change or discard it, an event may hold it back. @param {any} draft */
  async prepare(draft) {
    const changed = await this.host.beforeSend?.(draft);
    if (changed === false || changed === null) return null;
    const result = changed ?? draft;
    return this.host.emit("send", { text: result.text, files: result.files }, true) ? result : null;
  }

  /** Searches the messages of this conversation. @param {string} words */
  find(words) {
    return this.shell.use(this.shell.more(), (/** @type {any} */ more) => more.find(this, words));
  }
}
