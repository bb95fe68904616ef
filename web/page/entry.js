/** Where a user without a token comes in, and where one whose login has ended learns it. */

import { h } from "../elements/dom.js";
import { pageEnglish } from "../lang/en.js";

export class Entry {
  /**
   * @param {import("./page.js").PageSettings} settings
   * @param {any} words
   * @param {(token: string) => void} enter
   */
  constructor(settings, words, enter) {
    words.learn(pageEnglish);
    this.why = h("p", { className: "why", role: "alert", hidden: true });
    this.field = h("input", { type: "text", autocomplete: "off", spellcheck: false, required: true, "aria-label": words.say("token"), placeholder: words.say("token") });
    const logo = settings.logo ? h("img", { className: "logo", src: settings.logo, alt: "", onerror: (/** @type {Event} */ event) => /** @type {Element} */ (event.target).remove() }) : null;
    const title = h("h2", {}, h("bdi", {}, settings.name));
    const form = [this.field, h("button", {}, words.say("enter"))];
    this.box = h("form", { className: "entry", hidden: true }, logo, title, this.why, ...(settings.login === "token" ? form : []));
    this.box.addEventListener("submit", (event) => {
      event.preventDefault();
      enter(this.field.value.trim());
    });
  }

  /** @param {string} why */
  show(why) {
    this.why.textContent = why;
    this.why.hidden = !why;
    this.box.hidden = false;
    this.field.value = "";
    this.field.focus();
  }

  hide() {
    this.box.hidden = true;
  }
}
