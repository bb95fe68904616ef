/** The head of a conversation: who is there, what it is about, and what can be done with it. */

import { avatar, bdi, h, icon, iconButton } from "./dom.js";
import { partnerIn, titleOf } from "./people.js";

/** Where the room is shown: the person, the presence, the listing, and a menu. */
export class ChatHeader {
  #shown = "";

  /** @param {any} view the view of the conversation */
  constructor(view) {
    this.view = view;
    const { words, shell, back } = view;
    this.back = iconButton("back", words.say("back"), back, { className: "plain back-button", hidden: !back });
    this.face = h("span");
    this.title = h("h2", { part: "title", tabIndex: -1 });
    this.subtitle = h("p", { part: "subtitle" });
    this.about = h("span", { hidden: true });
    const openMenu = () => void shell.use(shell.more(), (/** @type {any} */ more) => more.openRoomMenu(view, this.menu));
    this.menu = iconButton("more", words.say("more"), openMenu, { "aria-haspopup": "menu" });
    const who = h("div", { className: "who" }, this.title, this.subtitle);
    const start = h("slot", { name: "header-start" });
    const end = h("slot", { name: "header-end" });
    this.box = h("header", { part: "header" }, this.back, start, this.face, who, this.about, end, this.menu);
  }

  /** All is drawn again with the next rendering. */
  forget() {
    this.#shown = "";
  }

  render() {
    const { room, model, tools, words, me } = this.view;
    const { id, state } = model.snapshot;
    this.menu.hidden = id === null || state === "ended";
    if (tools) tools.head.showSubtitle(this.subtitle);
    else if (/connecting|waiting/.test(state)) this.subtitle.textContent = words.say(state === "waiting" ? "offline" : state); // stays until it is known what to say
    const isOnline = partnerIn(room, me)?.online && state === "open";
    const shown = JSON.stringify([room.members, room.title, room.about, room.muted, isOnline, me, !tools]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#showWho(room, isOnline);
    this.#showAbout(room);
  }

  /** @param {any} room @param {boolean | undefined} isOnline */
  #showWho(room, isOnline) {
    const { words, me } = this.view;
    const title = titleOf(room, me, words);
    const partner = partnerIn(room, me);
    this.title.replaceChildren(bdi(title), ...(room.muted ? [icon("mute", words.say("muted"))] : []));
    const dot = isOnline && h("span", { className: "dot", role: "img", "aria-label": words.say("online") });
    const face = avatar(title, partner?.picture, partner ? String(partner.user_id) : `room ${room.room_id}`);
    this.face.replaceChildren(h("span", { className: "face" }, face, dot));
  }

  /** What the conversation is about: what the site draws, or a card, whose place is kept until its style is there. @param {any} room */
  #showAbout(room) {
    const { host, tools } = this.view;
    const place = () => h("span", { className: "about-place", hidden: !room.about });
    const card = host.renderers?.listing?.(room) ?? ((room.about && tools?.head.card(room.about)) || place());
    this.about.replaceWith(card);
    this.about = card;
  }
}
