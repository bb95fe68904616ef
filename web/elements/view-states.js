/** What is wrong with a conversation, and what was just answered: loaded after the first messages. */

import { h } from "./dom.js";
import { nameOf } from "./people.js";

const NOTICE = 5_000; // ms that a notice stays

/** The lines that stand above and below the messages for a while. */
export class ViewStates {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #fading;

  /** @param {any} view of the conversation */
  constructor(view) {
    this.view = view;
    this.words = view.words;
    const now = h("button", { type: "button", onclick: () => view.shell.chat.retry() }, this.words.say("now"));
    this.bar = h("div", { className: "bar", role: "status", hidden: true });
    this.barParts = [h("span", {}, this.words.say("offline")), now];
    this.toast = h("p", { className: "notice", role: "status", hidden: true });
    this.closed = h("div", { className: "closed", hidden: true });
    view.before.before(this.bar);
    view.before.after(this.toast);
    view.scroll.after(this.closed);
  }

  render() {
    const { snapshot } = this.view.model;
    this.#showBar(snapshot);
    this.#showClosed(snapshot);
  }

  /** @param {any} snapshot */
  #showBar({ state, id }) {
    const isLost = state === "waiting" && id !== null;
    this.bar.hidden = !isLost;
    if (isLost && !this.bar.firstChild) this.bar.append(...this.barParts); // said once it is shown
  }

  /** What stands in the place of a composer that has no use. @param {any} snapshot */
  #showClosed(snapshot) {
    const { view, closed } = this;
    const text = this.#closedBecause(snapshot);
    closed.hidden = !text || view.host.getAttribute("composer") === "none";
    if (view.foot) view.foot.hidden = Boolean(text);
    const { signedOut } = view.shell.chat.session;
    view.box.classList.toggle("unknown", Boolean(signedOut) && !snapshot.loaded); // a guest's: nothing will be there
    if (!text) return;
    const unblock = this.#isBlocked(snapshot.with) ? this.#unblockButton(snapshot.with) : "";
    closed.replaceChildren(h("span", {}, h("bdi", {}, text)), unblock);
  }

  /** @param {any} partner */
  #isBlocked(partner) {
    return Boolean(partner) && this.view.shell.isBlocked(partner.user_id);
  }

  /** @param {any} snapshot */
  #closedBecause({ id, state, info, can, with: partner }) {
    const { words, view } = this;
    if (view.shell.chat.session.signedOut) return words.say("signedOut");
    if (state === "ended" && id !== null) return words.say("roomGone"); // one that could not be begun is tried again with the next message
    if (this.#isBlocked(partner)) return words.say("blocked", { name: nameOf(view.room, partner.user_id, words) });
    if (info?.frozen || (can && !can.includes("send"))) return words.say("frozen");
    return "";
  }

  /** @param {any} partner who is blocked */
  #unblockButton(partner) {
    const { view, words } = this;
    const does = () => view.tools.attempt(view.shell.block(partner.user_id, false).then(() => view.render()));
    const label = words.say("unblock", { name: nameOf(view.room, partner.user_id, words) });
    return h("button", { type: "button", className: "quiet", onclick: does }, h("bdi", {}, label));
  }

  /** Says something for a few seconds. @param {string} text @param {boolean} isBad */
  notice(text, isBad) {
    clearTimeout(this.#fading);
    this.toast.textContent = text;
    this.toast.hidden = false;
    this.toast.classList.toggle("alert", isBad);
    this.#fading = setTimeout(() => (this.toast.hidden = true), NOTICE);
  }
}
