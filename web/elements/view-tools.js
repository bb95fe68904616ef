/** What a conversation shows and says beside its messages: loaded after the first of them. */

import { h, icon } from "./dom.js";
import { memberOf, nameOf, summaryOf } from "./people.js";

/** For the view of one conversation. */
export class ViewTools {
  #asked = new Set(); // users whose names were asked for

  /** @param {any} view of the conversation */
  constructor(view) {
    this.view = view;
    this.words = view.words;
  }

  // ------------------------------------------------------------ the way to the newest message

  showPill() {
    const { view, words } = this;
    const { history, pill } = view;
    const { isJumping } = history;
    const fresh = isJumping || history.atNewest ? 0 : history.extras.reading.fresh;
    pill.hidden = !isJumping && (history.atNewest || !history.shown.length);
    const label = isJumping ? words.say("cancel") : fresh ? words.say("fresh", { n: fresh }) : words.say("newest");
    if (pill.getAttribute("aria-label") === label) return;
    pill.setAttribute("aria-label", label);
    pill.replaceChildren(...(fresh || isJumping ? [label] : []), icon(isJumping ? "close" : "down"));
  }

  /** To the newest message; while another one is looked for, not to that one. */
  pressPill() {
    const { history } = this.view;
    if (history.isJumping) history.extras.jumps.stop();
    else void history.toNewest();
  }

  // ------------------------------------------------------------ what is said

  /** @param {{ added: any[] }} change */
  arrived({ added }) {
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
    const { announcer } = this.view;
    announcer.append(h("p", {}, text));
    if (announcer.childNodes.length > 3) announcer.firstChild.remove();
  }

  /** @param {{ user_id: unknown }} presence */
  met({ user_id }) {
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
    const text = view.history.reason(error);
    view.host.emit("refused", { code: error?.code, text: outgoing?.text ?? text });
    if (!outgoing) view.notice(text, true);
  }

  /** @param {any} partner who is blocked */
  unblockButtons(partner) {
    const { view, words } = this;
    const does = () => view.history.attempt(view.shell.block(partner.user_id, false).then(() => view.render()));
    const label = words.say("unblock", { name: nameOf(view.room, partner.user_id, words) });
    return [h("button", { type: "button", className: "quiet", onclick: does }, h("bdi", {}, label))];
  }

  /** @param {HTMLElement} from @param {(emoji: string) => void} pick */
  pickEmoji(from, pick) {
    const { view, words } = this;
    view.shell.use(import("./lazy-emoji.js"), (/** @type {any} */ { openEmoji }) => openEmoji({ root: view.host.root, from, pick, label: words.say("emoji") }));
  }
}
