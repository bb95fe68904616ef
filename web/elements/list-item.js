/** One row of the list of conversations: the person, the listing, what was said last. */

import { avatar, bdi, fill, h, hasFeature, icon, isWeb, tickOf } from "./dom.js";
import { isGroup, isSame, nameOf, othersIn, summaryOf, titleOf } from "./people.js";

export class ListItem {
  #shown = "";

  /** @param {any} list the view that the row stands in @param {number} room_id */
  constructor(list, room_id) {
    this.list = list;
    this.room_id = room_id;
    this.face = h("span", { className: "face" });
    this.title = h("span", { part: "item-title" });
    this.time = h("span", { part: "item-time" });
    this.listing = h("span", { part: "item-listing" });
    this.last = h("span", { part: "item-last" });
    this.end = h("span", { className: "item-end" });
    const select = () => list.select(room_id);
    const parts = [this.face, this.title, this.time, this.listing, this.last, this.end];
    this.button = h("button", { type: "button", part: "item", "data-room": room_id, onclick: select }, ...parts);
    this.li = h("li", {}, this.button);
  }

  /** All of it is drawn again with the next rendering. */
  forget() {
    this.#shown = "";
  }

  /** @param {any} item a room of the list @param {{ current: boolean, typing: boolean, me: any }} state */
  show(item, state) {
    const day = new Date().toDateString();
    const look = JSON.stringify([item, state, day, this.list.isLive]);
    if (look === this.#shown) return;
    this.#shown = look;
    const { words } = this.list;
    const title = titleOf(item, state.me, words);
    const unread = state.current && document.hasFocus() ? 0 : item.unread;
    if (state.current) this.button.setAttribute("aria-current", "true");
    else this.button.removeAttribute("aria-current");
    this.li.className = unread || item.marked_unread ? "unread" : "";
    this.#showFace(item, title, state.me);
    fill(this.title, bdi(title), item.muted && icon("mute", words.say("muted")));
    this.#showTime(item, state.me);
    this.#showListing(item);
    this.#showLast(item, state);
    fill(this.end, (unread || item.marked_unread) && this.#badge(item, unread));
  }

  /** @param {any} item @param {string} title @param {any} me */
  #showFace(item, title, me) {
    const others = othersIn(item, me);
    const partner = others.length === 1 ? others[0] : null;
    const face = avatar(title, partner?.picture, partner ? String(partner.user_id) : `room ${item.room_id}`);
    const isOnline = partner?.online && this.list.isLive && hasFeature(this.list.host, "presence");
    const dot = isOnline && h("span", { className: "dot", role: "img", "aria-label": this.list.words.say("online") });
    const photo = isWeb(item.about?.picture) && h("img", { className: "thumb", src: item.about.picture, alt: "", loading: "lazy", onerror: (/** @type {Event} */ event) => /** @type {Element} */ (event.target).remove() });
    fill(this.face, face, photo || dot);
  }

  /** @param {any} item @param {any} me */
  #showTime({ last_message: last, created_at }, me) {
    const { words, host } = this.list;
    const isMine = last && (last.from_this_user || isSame(last.sender_id, me)) && last.kind !== "system";
    const sign = isMine && hasFeature(host, "receipts") && tickOf(last.status, words);
    const at = new Date(last?.created_at ?? created_at);
    fill(this.time, sign, h("time", { dateTime: at.toISOString() }, words.brief(at)));
  }

  /** @param {any} item */
  #showListing(item) {
    const own = this.list.host.renderers?.subtitle?.(item);
    const { title, price } = item.about ?? {};
    this.listing.hidden = !(own || title);
    fill(this.listing, own || (title && bdi(title)), !own && title && price && h("span", {}, "\u00a0· ", bdi(price)));
  }

  /** @param {any} item @param {any} state */
  #showLast({ draft, last_message: last, ...room }, { typing, current, me }) {
    const { words } = this.list;
    const text = (/** @type {string} */ className, /** @type {string} */ said) => fill(this.last, h("span", { className }, bdi(said)));
    if (typing) return text("typing", words.say("typing"));
    if (draft && !current) return text("draft", words.say("draft", { text: draft }));
    const isMine = last && (last.from_this_user || isSame(last.sender_id, me));
    const author = isMine ? words.say("you") : isGroup(room) && nameOf(room, last?.sender_id, words);
    const isSaid = author && last && last.kind !== "system";
    fill(this.last, isSaid && h("span", {}, bdi(author), ": "), bdi(last ? summaryOf(last, words) : words.say("empty")));
  }

  /** @param {any} item @param {number} unread */
  #badge({ muted }, unread) {
    const { words } = this.list;
    const shown = unread > 999 ? `${words.number(999)}+` : unread ? words.number(unread) : "";
    const about = { part: "badge", className: muted ? "muted" : "", role: "img", "aria-label": words.say("count", { n: unread || 1 }) };
    return h("span", about, shown);
  }
}
