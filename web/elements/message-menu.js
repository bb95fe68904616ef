/** The menu of a message: reactions, answering, editing, reporting, and what the site adds. */

import { h, hasFeature } from "./dom.js";
import { radios } from "./dialog.js";
import { isSame, nameOf } from "./people.js";

const QUICK_EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const COMPLAINTS = ["spam", "abuse", "fraud", "other"];

/** For one opening of the menu. */
export class MessageMenu {
  /** @param {any} history @param {any} more menu and dialog */
  constructor(history, more) {
    this.history = history;
    this.more = more;
    this.words = history.words;
  }

  /** @param {any} row @param {HTMLElement} opener @param {{ x: number, y: number, height: number }} [point] */
  open({ message }, opener, point) {
    const { history } = this;
    const reacts = message.kind !== "system" && hasFeature(history.host, "reactions") && history.view.tools.may("send");
    const emoji = reacts ? this.#emojiRow(message, opener) : undefined;
    this.more.menu.open(opener, this.#itemsFor(message), { emoji, note: this.#readers(message), point });
  }

  /** @param {any} message @param {HTMLElement} opener */
  #emojiRow(message, opener) {
    const { history, words } = this;
    const chosen = message.reactions.filter((/** @type {any} */ one) => one.mine).map((/** @type {any} */ one) => one.emoji);
    const pick = (/** @type {string} */ one) => history.view.tools.react(message.message_id, one, !chosen.includes(one));
    const more = () => history.view.tools.pickEmoji(opener, pick);
    return { list: QUICK_EMOJI, chosen, label: words.say("react"), pick, more };
  }

  /** @param {any} message */
  #itemsFor(message) {
    const { history, words } = this;
    const { host, view } = history;
    const { message_id, mine, text } = message;
    const isPerson = message.kind !== "system";
    const writes = isPerson && history.view.tools.may("send");
    const item = (/** @type {string} */ key, /** @type {() => void} */ act, look = {}) => ({ label: words.say(key), act, id: key, icon: key, ...look });
    const items = [];
    if (writes) items.push(item("reply", () => view.compose((/** @type {any} */ composer) => composer.reply(message_id))));
    if (text) items.push(item("copy", () => void navigator.clipboard?.writeText(text)));
    if (mine && writes && hasFeature(host, "edit")) items.push(item("edit", () => view.compose((/** @type {any} */ composer) => composer.edit(message))));
    items.push(...this.more.siteActions(history.room, message));
    if (!mine && isPerson && view.shell.config.features?.reports !== false) items.push(item("report", () => void this.#report(message_id)));
    if (mine && isPerson && hasFeature(host, "delete")) items.push(item("delete", () => void this.more.deleteMessage(history, message_id), { danger: true }));
    return items;
  }

  /** In a group: who has read one's own message. @param {any} message */
  #readers({ mine, message_id }) {
    const { history, words } = this;
    if (!mine || history.room.members.length < 3 || !hasFeature(history.host, "receipts")) return "";
    const read = history.snapshot.readBy.filter((/** @type {any} */ one) => one.read >= message_id && !isSame(one.user_id, history.me));
    const names = read.map((/** @type {any} */ one) => nameOf(history.room, one.user_id, words));
    return names.length ? words.say("readBy", { names: words.list(names) }) : "";
  }

  /** @param {number} message_id */
  async #report(message_id) {
    const { history, words } = this;
    const about = { className: "field", name: "text", rows: 2, dir: "auto", placeholder: words.say("details"), "aria-label": words.say("details") };
    const reasons = radios("reason", COMPLAINTS.map((reason) => [reason, words.say(reason)]));
    const values = await this.more.dialog.form(words.say("askReport"), [reasons, h("textarea", about)], words.say("report"));
    if (!values) return;
    const sent = history.model.report(message_id, values.get("reason"), values.get("text") || undefined);
    history.view.tools.attempt(sent.then(() => history.view.notice(words.say("thanks"))));
  }
}
