/** Questions to the user, in native dialogs: confirmations and small forms. */

import { h } from "./dom.js";

/** One dialog of a view; it holds what is asked at the moment. */
export class Dialog {
  /** @param {any} words */
  constructor(words) {
    this.words = words;
    this.box = h("dialog", { part: "dialog" });
    this.box.addEventListener("click", (event) => event.target === this.box && this.#isOutside(event) && this.box.close());
    this.box.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Whether the user agrees.
   * @param {string} question
   * @param {string} label of the button that does it
   */
  async confirm(question, label) {
    return (await this.form(question, [], label, { danger: true })) !== null;
  }

  /**
   * The values of a form by the names of its fields, or null when it was left.
   * @param {string} title
   * @param {Node[]} fields
   * @param {string} label of the button that does it
   * @param {{ danger?: boolean }} [look]
   * @returns {Promise<FormData | null>}
   */
  form(title, fields, label, { danger = false } = {}) {
    const heading = h("h2", { id: "dialog-title", dir: "auto", textContent: title });
    const yes = h("button", { className: danger ? "main danger" : "main", textContent: label });
    const no = h("button", { type: "button", className: "quiet", textContent: this.words.say("cancel") });
    const form = h("form", { method: "dialog" }, heading, ...fields, h("div", { className: "buttons" }, no, yes));
    this.show(form);
    return new Promise((answer) => {
      const done = new AbortController();
      const end = (/** @type {FormData | null} */ values) => {
        done.abort();
        answer(values);
      };
      no.addEventListener("click", () => this.box.close());
      let given = /** @type {FormData | null} */ (null);
      form.addEventListener("submit", () => (given = new FormData(form)), { signal: done.signal });
      const left = () => this.box.open || end(given); // open: the event is of what was shown before
      this.box.addEventListener("close", left, { signal: done.signal });
    });
  }

  /** Shows any content. @param {Node} content */
  show(content) {
    if (this.box.open) this.box.close();
    this.box.replaceChildren(content);
    this.box.setAttribute("aria-labelledby", "dialog-title");
    this.box.showModal();
  }

  close() {
    this.box.close();
  }

  /** Safari keeps Escape for a search field, also an empty one. @param {KeyboardEvent} event */
  #key(event) {
    event.stopPropagation();
    const { type, value } = /** @type {HTMLInputElement} */ (event.target);
    if (event.key !== "Escape" || type !== "search" || value) return;
    event.preventDefault(); // or a dialog around it would close too
    this.close();
  }

  /** @param {MouseEvent} event */
  #isOutside({ clientX, clientY }) {
    const { left, right, top, bottom } = this.box.getBoundingClientRect();
    return clientX < left || clientX > right || clientY < top || clientY > bottom;
  }
}

/** A choice of one among several. @param {string} name @param {[string, string][]} options value and label */
export function radios(name, options) {
  const labels = options.map(([value, label], i) =>
    h("label", {}, h("input", { type: "radio", name, value, required: true, checked: i === 0 }), label),
  );
  return h("fieldset", { className: "choices" }, ...labels);
}

/** A labelled field. @param {string} label @param {Record<string, any>} about */
export function field(label, about) {
  const input = h("input", { className: "field", "aria-label": label, placeholder: label, dir: "auto", ...about });
  return input;
}
