/** One conversation: its header, its messages and its composer, on one room of the SDK. */

import { afterPaint, arrange, h, icon } from "./dom.js";
import { ChatHeader } from "./chat-header.js";
import { MessageHistory } from "./message-history.js";
import { nameOf, titleOf } from "./people.js";

const MINUTE = 60_000;
const NOTICE = 5_000; // ms that a notice stays

export class ChatView {
  #off = /** @type {(() => void)[]} */ ([]);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #fading;
  #pending = false;
  newest = NaN; // the last message that was there or was announced
  #added = new Set(); // parts that were asked for
  #isShown = false; // whether messages are on the screen
  #wantsFocus = false; // the composer gets the focus once it is there
  /** @type {any} */
  composer = null; // loaded after the first messages
  /** @type {(composer: any) => void} */
  #composed = () => {};
  /** The composer, once it is there. @type {Promise<any>} */
  composing = new Promise((resolve) => (this.#composed = resolve));
  /** @type {number | null} */
  #wanted;

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
    this.back = back ?? (() => {});
    this.hasBack = Boolean(back);
    this.#wanted = wanted;
    const isWritten = (host.getAttribute("composer") ?? "auto") === "auto";
    this.foot = isWritten ? h("div", { className: "foot" }) : null;
    this.header = new ChatHeader(this);
    this.history = new MessageHistory(host, model, this.#parts());
    const { words } = this;
    this.bar = h("div", { className: "bar", role: "status", hidden: true });
    this.toast = h("p", { className: "notice", role: "status", hidden: true });
    this.announcer = h("div", { className: "hidden", role: "log", "aria-live": "polite" });
    this.pill = h("button", { type: "button", part: "pill", hidden: true, onclick: () => this.tools.pressPill() });
    this.empty = h("div", { className: "empty" }, h("slot", { name: "empty" }, icon("chat"), h("p", {}, words.say("empty"))));
    this.closed = h("div", { className: "closed", hidden: true });
    const scroll = h("div", { className: "scroll" }, this.history.scroller, h("div", { className: "pills" }, this.pill));
    const head = host.getAttribute("heading") === "none" ? null : this.header.box;
    const before = h("slot", { name: "before-messages" });
    this.box = h("section", { className: "conversation", "data-drop": words.say("drop") }, head, this.bar, before, this.toast, scroll, this.closed, this.foot, this.announcer);
    this.#listen();
    this.render();
  }

  /** What the history asks of the view around it. */
  #parts() {
    const { words } = this.shell;
    return {
      words,
      more: () => this.shell.more(),
      use: (/** @type {Promise<any>} */ loading, /** @type {(loaded: any) => void} */ act) => void this.shell.use(loading, act),
      composer: {
        reply: (/** @type {number} */ id) => this.compose((composer) => composer.reply(id)),
        edit: (/** @type {any} */ message) => this.compose((composer) => composer.edit(message)),
        takeBack: (/** @type {any} */ message) => this.compose((composer) => composer.takeBack(message)),
      },
      item: () => this.shell.item(this.model.id),
      limits: () => this.limits(),
      reports: () => this.shell.config.features?.reports !== false,
      wanted: () => this.#takeWanted(),
      emptyNodes: (/** @type {any[]} */ views) => (views.length ? [] : [this.empty]),
      moved: () => this.tools?.showPill(),
      enriched: () => this.render(),
      view: this,
      announce: (/** @type {string} */ text) => this.tools?.announce(text),
      notice: (/** @type {string} */ text, /** @type {boolean} */ isBad) => this.notice(text, isBad),
      focusComposer: () => this.focus(),
      pickEmoji: (/** @type {HTMLElement} */ from, /** @type {any} */ pick) => this.tools.pickEmoji(from, pick),
    };
  }


  #listen() {
    const { model } = this;
    this.#off.push(model.subscribe(() => this.#soon()));
    const later = (/** @type {string} */ name) => (/** @type {any} */ detail) => void this.history.enriched.then((/** @type {any} */ { tools }) => tools[name](detail));
    this.#off.push(model.on("messages", later("arrived")));
    this.#off.push(model.on("sent", (/** @type {any} */ { message }) => this.host.emit("sent", { message })));
    this.#off.push(model.on("refused", later("refused")));
    this.#off.push(model.on("presence", later("met")));
    this.#off.push(model.on("deleted", () => this.#soon()));
    const clock = setInterval(() => this.render(), MINUTE); // "Today", "5 min. ago"
    this.#off.push(() => clearInterval(clock));
    this.history.list.addEventListener("keydown", (event) => this.history.key(event));
  }

  destroy() {
    this.composer?.destroy();
    this.history.destroy();
    for (const off of this.#off) off();
    this.box.remove();
  }

  /** Many changes in one turn are one rendering. */
  #soon() {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      if (this.box.isConnected) this.render();
    });
  }

  render() {
    const { snapshot } = this.model;
    if (snapshot.loaded && Number.isNaN(this.newest)) this.newest = snapshot.messages.at(-1)?.message_id ?? 0;
    this.header.render();
    const isReady = snapshot.loaded || snapshot.state === "waiting";
    this.composer?.render();
    this.history.render();
    if (isReady && this.#isShown) this.#addParts();
    else if (isReady) afterPaint(() => this.#addParts());
    this.#showBar(snapshot);
    this.#showClosed(snapshot);
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
   * @param {() => Promise<any>} load
   * @param {(Part: any) => void} add
   */
  async #addPart(name, load, add) {
    if (this.#added.has(name)) return;
    this.#added.add(name);
    const part = (await load().catch(() => null))?.[name];
    if (!part) this.#added.delete(name);
    else if (!this.history.isOver) add(part);
  }

  /** What is needed once the first messages are on the screen. */
  #addParts() {
    if (this.history.isOver) return;
    this.#isShown = true;
    const { loaded, state, id } = this.model.snapshot;
    if (loaded && (state === "open" || id === null)) void this.shell.learn();
    this.#addExtras();
    if (this.foot) void this.#addPart("Composer", () => import("./lazy-composer.js"), (Composer) => this.#addComposer(Composer));
  }

  #addExtras() {
    void this.#addPart("Extras", () => import("./lazy-extras.js"), (Extras) => this.history.enrich(Extras));
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
    return this.history?.extras?.tools; // nothing asks for it before the first message
  }

  get room() {
    return this.history.room;
  }

  get me() {
    return this.host.user?.user_id;
  }

  /** Whether nothing was said here yet. */
  get isNew() {
    const { loaded, messages, outgoing } = this.model.snapshot;
    return loaded && !messages.length && !outgoing.length;
  }

  limits() {
    const { limits = {}, attachments = {} } = this.shell.config;
    return { ...limits, ...attachments };
  }

  #takeWanted() {
    const wanted = this.#wanted;
    this.#wanted = null;
    return wanted;
  }

  focus() {
    const isWritten = this.foot && !this.foot.hidden;
    this.#wantsFocus = Boolean(isWritten && !this.composer);
    const field = isWritten && this.composer ? this.composer.input : this.history.scroller;
    field.focus();
  }

  // ------------------------------------------------------------ states

  /** @param {any} snapshot */
  #showBar({ state, id }) {
    const isLost = state === "waiting" && id !== null;
    this.bar.hidden = !isLost;
    if (!isLost || this.bar.childNodes.length) return;
    const now = h("button", { type: "button", onclick: () => this.shell.chat.retry() }, this.words.say("now"));
    this.bar.replaceChildren(h("span", {}, this.words.say("offline")), now);
  }

  /** What stands in the place of a composer that has no use. @param {any} snapshot */
  #showClosed(snapshot) {
    const text = this.#closedBecause(snapshot);
    const mode = this.host.getAttribute("composer");
    this.closed.hidden = !text || mode === "none";
    if (this.foot) this.foot.hidden = Boolean(text);
    if (!text) return;
    const unblock = snapshot.with && this.shell.isBlocked(snapshot.with.user_id) ? (this.tools?.unblockButtons(snapshot.with) ?? []) : [];
    this.closed.replaceChildren(h("span", {}, h("bdi", {}, text)), ...unblock);
  }

  /** @param {any} snapshot */
  #closedBecause({ id, state, info, can, with: partner }) {
    const { words } = this;
    if (this.shell.chat.session.signedOut) return words.say("signedOut");
    if (state === "ended" && id !== null) return words.say("roomGone"); // one that could not be begun is tried again with the next message
    if (partner && this.shell.isBlocked(partner.user_id)) return words.say("blocked", { name: nameOf(this.room, partner.user_id, words) });
    if (info?.frozen || (can && !can.includes("send"))) return words.say("frozen");
    return "";
  }

  /** @param {string} text @param {boolean} [isBad] */
  notice(text, isBad = false) {
    clearTimeout(this.#fading);
    this.toast.textContent = text;
    this.toast.hidden = false;
    this.toast.classList.toggle("alert", isBad);
    this.#fading = setTimeout(() => (this.toast.hidden = true), NOTICE);
  }

  // ------------------------------------------------------------ what can be done

  /** @param {any} draft */
  send(draft) {
    this.history.firstNew = 0; // who writes has seen what was new
    this.model.send(draft);
    void this.history.toNewest();
  }

  /** From a script or a quick reply: with the site's event, without the composer. @param {any} draft */
  sendText(draft) {
    if (this.host.emit("send", { text: draft.text ?? "", files: draft.files ?? [] }, true)) this.send(draft);
  }

  /** @param {HTMLElement} from */
  openRoomMenu(from) {
    void this.shell.use(this.shell.more(), (/** @type {any} */ more) => more.openRoomMenu(this, from));
  }

  /** Searches the messages of this conversation. @param {string} words */
  find(words) {
    return this.shell.use(this.shell.more(), (/** @type {any} */ more) => more.find(this, words));
  }
}
