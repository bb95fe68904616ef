/** The head of a conversation: who is there, what it is about, and what can be done with it. */

import { arrange, avatar, bdi, h, hasFeature, icon, iconButton, isWeb } from "./dom.js";
import { isSame, nameOf, othersIn, titleOf } from "./people.js";

/** Where the room is shown: the person, the presence, the listing, and a menu. */
export class ChatHeader {
  #shown = "";

  /** @param {any} view the view of the conversation */
  constructor(view) {
    this.view = view;
    const { words } = view;
    this.back = iconButton("back", words.say("back"), () => view.back(), { className: "plain back-button", hidden: !view.hasBack });
    this.face = h("span", { className: "face-place" });
    this.title = h("h2", { part: "title", tabIndex: -1 });
    this.subtitle = h("p", { part: "subtitle" });
    this.about = h("span", { hidden: true });
    this.menu = iconButton("more", words.say("more"), () => view.openRoomMenu(this.menu), { "aria-haspopup": "menu" });
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
    const { view } = this;
    const { snapshot } = view.model;
    const room = view.room;
    this.menu.hidden = snapshot.id === null || snapshot.state === "ended";
    this.#showSubtitle(room, snapshot);
    const online = this.#partner(room)?.online && snapshot.state === "open";
    const state = JSON.stringify([room.members, room.title, room.about, room.muted, online, view.me]);
    if (state === this.#shown) return;
    this.#shown = state;
    this.#showWho(room, Boolean(online));
    this.#showAbout(room.about);
  }

  /** @param {any} room @param {boolean} online */
  #showWho(room, online) {
    const { words, me } = this.view;
    const title = titleOf(room, me, words);
    const partner = this.#partner(room);
    this.title.replaceChildren(bdi(title), ...(room.muted ? [icon("mute", words.say("muted"))] : []));
    const dot = online ? h("span", { className: "dot", role: "img", "aria-label": words.say("online") }) : null;
    const face = avatar(title, partner?.picture, partner ? String(partner.user_id) : `room ${room.room_id}`);
    this.face.replaceChildren(h("span", { className: "face" }, face, dot));
  }

  /** @param {any} room */
  #partner(room) {
    const others = othersIn(room, this.view.me);
    return others.length === 1 ? others[0] : null;
  }

  /** @param {any} room @param {any} snapshot */
  #showSubtitle(room, snapshot) {
    const { words, host, me } = this.view;
    const typing = hasFeature(host, "typing") ? snapshot.typing : [];
    const partner = this.#partner(room);
    const isLive = snapshot.state === "open" || snapshot.id === null;
    if (typing.length) {
      const names = words.list(typing.map((/** @type {any} */ user) => nameOf(room, user, words)));
      const text = partner ? words.say("typing") : words.say(typing.length > 1 ? "typeMany" : "types", { name: names, names });
      return arrange(this.subtitle, [h("span", { className: "typing" }, text)]);
    }
    if (!isLive) return arrange(this.subtitle, [document.createTextNode(snapshot.state === "connecting" ? words.say("connecting") : "")]);
    this.subtitle.textContent = hasFeature(host, "presence") ? this.#presence(room, partner, me) : "";
  }

  /** @param {any} room @param {any} partner @param {any} me */
  #presence(room, partner, me) {
    const { words } = this.view;
    if (partner?.online) return words.say("online");
    if (partner) return partner.last_seen ? words.say("seen", { when: words.ago(new Date(partner.last_seen)) }) : "";
    if (room.members.length < 2) return "";
    const online = room.members.filter((/** @type {any} */ one) => one.online && !isSame(one.user_id, me)).length;
    const members = words.say("members", { n: room.members.length });
    return online ? `${members}, ${words.say("membersOnline", { n: online })}` : members;
  }

  /** The card of what the conversation is about. @param {any} about */
  #showAbout(about) {
    const own = this.view.host.renderers?.listing?.(this.view.room);
    const card = own ?? (about ? this.#card(about) : h("span", { hidden: true }));
    this.about.replaceWith(card);
    this.about = card;
  }

  /** @param {any} about */
  #card({ title, url, picture, price, status }) {
    const photo = isWeb(picture) ? h("img", { part: "listing-photo", src: picture, alt: "", loading: "lazy", onerror: (/** @type {Event} */ event) => /** @type {Element} */ (event.target).remove() }) : null;
    const cost = price ? h("span", { part: "listing-price" }, bdi(price)) : null;
    const end = price || status ? h("span", { className: "listing-end" }, cost, status ? h("span", { className: "listing-status" }, bdi(status)) : null) : null;
    const content = [photo, h("span", { className: "listing-title" }, bdi(title)), end];
    if (!isWeb(url)) return h("span", { part: "listing" }, ...content);
    const open = (/** @type {Event} */ event) => this.view.host.emit("link", { url }, true) || event.preventDefault();
    return h("a", { part: "listing", href: url, target: "_blank", rel: "noopener", title, onclick: open }, ...content);
  }
}
