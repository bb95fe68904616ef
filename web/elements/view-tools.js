/** What a conversation shows and says beside its messages: loaded after the first of them. */

import { loadModule } from "../sdk/loading.js";
import { addDrawings, h, icon } from "./dom.js";
import { HeaderDetails } from "./header-details.js";
import { reasonOf } from "./later-words.js";
import { memberOf, nameOf, summaryOf } from "./people.js";
import { ViewStates } from "./view-states.js";

addDrawings({
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  reply: "M10 6l-6 5 6 5v-3.5c5 0 8 1.5 10 5 0-6-3.5-8.5-10-9V6",
});

/** For the view of one conversation. */
export class ViewTools {
  #asked = new Set(); // users whose names were asked for

  /** @param {any} view of the conversation */
  constructor(view) {
    this.view = view;
    this.words = view.words;
    this.head = new HeaderDetails(view);
    this.states = new ViewStates(view);
    this.pill = h("button", { type: "button", part: "pill", hidden: true, onclick: () => this.#pressPill() });
    this.announcer = h("div", { className: "hidden", role: "log", "aria-live": "polite" });
    view.scroll.append(h("div", { className: "pills" }, this.pill));
    view.box.append(this.announcer);
  }

  // ------------------------------------------------------------ the way to the newest message

  showPill() {
    const { pill, words, isJumping } = this;
    const { history } = this.view;
    const fresh = isJumping || history.atNewest ? 0 : history.extras.reading.fresh;
    pill.hidden = !isJumping && (history.atNewest || !history.shown.length);
    const label = isJumping ? words.say("cancel") : fresh ? words.say("fresh", { n: fresh }) : words.say("newest");
    if (pill.getAttribute("aria-label") === label) return;
    pill.setAttribute("aria-label", label);
    pill.replaceChildren(...(fresh || isJumping ? [label] : []), icon(isJumping ? "close" : "down"));
  }

  /** Whether a message that is not loaded yet is on its way. */
  get isJumping() {
    return this.view.history.extras.jumps.isUnderWay;
  }

  /** To the newest message; while another one is looked for, not to that one. */
  #pressPill() {
    const { history } = this.view;
    if (this.isJumping) history.extras.jumps.stop();
    else void history.toNewest();
  }

  // ------------------------------------------------------------ events of the room

  /** @param {{ added: any[] }} change */
  messages({ added }) {
    for (const message of added) void this.#say(message);
  }

  /** Says a message that came in to a screen reader, no older one. @param {any} message */
  async #say(message) {
    const { view, words } = this;
    if (message.sender_id !== null) await this.#learnNames(message.sender_id);
    if (message.mine || !(message.message_id > view.newest)) return;
    view.newest = message.message_id;
    const name = message.kind === "system" ? "" : `${nameOf(view.room, message.sender_id, words)}: `;
    this.announce(name + summaryOf(message, words));
  }

  /** Two equal texts are two nodes, and so said twice. @param {string} text */
  announce(text) {
    const { announcer } = this;
    announcer.append(h("p", {}, text));
    if (announcer.childNodes.length > 3) announcer.firstChild?.remove();
  }

  /** @param {{ message: any }} detail */
  sent({ message }) {
    this.view.host.emit("sent", { message });
  }

  /** @param {{ user_id: unknown }} presence */
  presence({ user_id }) {
    void this.#learnNames(user_id);
  }

  /** Somebody whose name is not known yet has a name by now. @param {unknown} user */
  async #learnNames(user) {
    const { model, room } = this.view;
    if (!model.snapshot.info || this.#asked.has(String(user)) || memberOf(room, user)?.name) return;
    this.#asked.add(String(user));
    await model.reload().catch(() => {}); // offline: the next visit learns it
  }

  /** @param {{ outgoing: any, error: any }} refusal */
  refused({ outgoing, error }) {
    const { view } = this;
    const text = this.reason(error);
    view.host.emit("refused", { code: error?.code, text: outgoing?.text ?? text });
    if (!outgoing) view.notice(text, true);
  }

  // ------------------------------------------------------------ what a user may do

  /** Whether the user has a right in this room; unknown rights are left to the server. @param {string} right */
  may(right) {
    const { can, state, info } = this.view.model.snapshot;
    if (state === "ended" || info?.frozen) return false;
    return !can || can.includes(right);
  }

  /** @param {number} message_id @param {string} emoji @param {boolean} on */
  react(message_id, emoji, on) {
    this.attempt(this.view.model.react(message_id, emoji, on));
  }

  /** A refusal is told to the user in words. @param {Promise<any>} doing */
  attempt(doing) {
    doing.catch((/** @type {any} */ error) => this.view.notice(this.reason(error), true));
  }

  /** @param {any} error */
  reason(error) {
    return reasonOf(this.words, error?.code, this.view.shell.limits);
  }

  /** @param {HTMLElement} from @param {(emoji: string) => void} pick */
  pickEmoji(from, pick) {
    const { view, words } = this;
    view.shell.use(loadModule(() => import("./lazy-emoji.js")), (/** @type {any} */ { openEmoji }) => openEmoji({ root: view.host.root, from, pick, label: words.say("emoji") }));
  }
}
