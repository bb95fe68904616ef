/** The line below the title of a conversation, and the card of what it is about: loaded after the first messages. */

import { bdi, h, hasFeature, isWeb } from "./dom.js";
import { ago } from "./later-words.js";
import { isSame, partnerIn } from "./people.js";

export class HeaderDetails {
  /** @param {any} view of the conversation */
  constructor(view) {
    this.view = view;
  }

  /** Who writes, or who is online. @param {HTMLElement} line */
  showSubtitle(line) {
    const { words, host, room, me, model, history } = this.view;
    const { state, id } = model.snapshot;
    const partner = partnerIn(room, me);
    const isLive = state === "open" || id === null;
    const typing = history.extras.reading.typingText;
    line.className = typing && "typing";
    if (typing) line.textContent = partner ? words.say("typing") : typing;
    else if (!isLive) line.textContent = state === "connecting" ? words.say("connecting") : "";
    else line.textContent = hasFeature(host, "presence") ? this.#presence(room, partner) : "";
  }

  /** @param {any} room @param {any} partner */
  #presence(room, partner) {
    const { words, me } = this.view;
    if (partner?.online) return words.say("online");
    if (partner) return partner.last_seen ? words.say("seen", { when: ago(words, new Date(partner.last_seen)) }) : "";
    if (room.members.length < 2) return "";
    const online = room.members.filter((/** @type {any} */ one) => one.online && !isSame(one.user_id, me)).length;
    const members = words.say("members", { n: room.members.length });
    return online ? `${members}, ${words.say("membersOnline", { n: online })}` : members;
  }

  /** @param {any} about what the conversation is about */
  card({ title, url, picture, price, status }) {
    const photo = isWeb(picture) && h("img", { part: "listing-photo", src: picture, alt: "", loading: "lazy", onerror: (/** @type {Event} */ event) => /** @type {Element} */ (event.target).remove() });
    const cost = price && h("span", { part: "listing-price" }, bdi(price));
    const end = (price || status) && h("span", { className: "listing-end" }, cost, status && h("span", { className: "listing-status" }, bdi(status)));
    const content = [photo, h("span", { className: "listing-title" }, bdi(title)), end];
    if (!isWeb(url)) return h("span", { part: "listing" }, ...content);
    const open = (/** @type {Event} */ event) => this.view.host.emit("link", { url }, true) || event.preventDefault();
    return h("a", { part: "listing", href: url, target: "_blank", rel: "noopener", title, onclick: open }, ...content);
  }
}
