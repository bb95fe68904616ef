/** A few emoji to choose from, beside the button that asked for them. */

import { $, h } from "./dom.js";

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const NAMES = ["Thumbs up", "Heart", "Laughing", "Surprised", "Sad", "Thanks"];
const EDGE = 8; // pixels that stay free around it

export class Reactions {
  #room = null;
  #message_id = 0;
  #button = null;

  constructor() {
    this.popover = $("emoji");
    this.popover.append(...EMOJI.map((emoji, i) => this.#choice(emoji, NAMES[i])));
    this.popover.addEventListener("toggle", ({ newState }) => newState === "open" && this.#place());
    this.popover.addEventListener("keydown", (event) => this.#key(event));
    $("scroller").addEventListener("scroll", () => this.popover.hidePopover());
  }

  /** The button opens and closes the choice by itself. */
  about(room, message_id, button) {
    this.#room = room;
    this.#message_id = message_id;
    this.#button = button;
    for (const choice of this.popover.children) {
      choice.setAttribute("aria-pressed", String(this.#isMine(choice.dataset.emoji)));
    }
  }

  #choice(emoji, name) {
    const says = { "aria-label": name, title: name, "data-emoji": emoji };
    const does = { type: "button", onclick: () => this.#choose(emoji) };
    return h("button", { className: "plain", ...does, ...says }, emoji);
  }

  #isMine(emoji) {
    const message = this.#room.messages.get(this.#message_id);
    const found = message && this.#room.reactionsOf(message).find((one) => one.emoji === emoji);
    return Boolean(found?.users.includes(this.#room.site.me));
  }

  #choose(emoji) {
    this.#room.react(this.#message_id, emoji, !this.#isMine(emoji));
    this.popover.hidePopover();
  }

  #place() {
    const at = this.#button.getBoundingClientRect();
    const { offsetWidth, offsetHeight, style } = this.popover;
    const left = Math.min(at.left, innerWidth - offsetWidth - EDGE);
    const above = at.top - offsetHeight - EDGE;
    style.left = `${Math.max(EDGE, left)}px`;
    style.top = `${above > EDGE ? above : at.bottom + EDGE}px`;
    this.popover.firstElementChild.focus();
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const choices = [...this.popover.children];
    if (step) choices.at((choices.indexOf(document.activeElement) + step) % choices.length).focus();
  }
}
