/** The search within one conversation: a dialog, loaded when it is first opened. */

import { listEnglish } from "../lang/en.js";
import { addDrawings, h, iconButton } from "./dom.js";
import { FoundMessages } from "./found-messages.js";

addDrawings({ close: "M6 6l12 12M18 6L6 18" });

const PATIENCE = 250; // ms after the last key in which a search begins

/** The id of a conversation once it is known; null where it is not begun. @param {any} model @returns {Promise<number | null>} */
function idOf(model) {
  return new Promise((resolve) => {
    const off = model.subscribe((/** @type {any} */ { id, loaded, state }) => {
      if (id === null && !loaded && state !== "ended") return;
      resolve(id);
      queueMicrotask(() => off());
    });
  });
}

/** Shows the search, and what these words find. @param {any} view of the conversation @param {any} dialog @param {string} [sought] */
export function openFind(view, dialog, sought = "") {
  const { host, model, shell, words } = view;
  const { search, found } = listEnglish;
  words.learn({ search, found });
  const select = (/** @type {number} */ _, /** @type {number} */ message) => {
    dialog.close();
    void view.history.jump(message);
  };
  const nothing = { results: [], next: null };
  const ask = async (/** @type {string} */ text, /** @type {any} */ { signal }) => {
    const room = await idOf(model); // without it all conversations are searched
    return room === null ? nothing : shell.chat.search(text, { room, signal });
  };
  const around = { chat: { search: ask }, item: () => view.room };
  const messages = new FoundMessages({ host, words, shell: around, room: true, select });
  const field = h("input", { type: "search", part: "search", className: "field", dir: "auto", value: sought, "aria-label": words.say("search"), placeholder: words.say("search") });
  let typing = 0;
  field.addEventListener("input", () => {
    clearTimeout(typing);
    typing = Number(setTimeout(() => messages.search(field.value.trim()), PATIENCE));
  });
  const title = h("h2", { id: "dialog-title" }, words.say("search"));
  const head = h("div", { className: "dialog-head" }, title, iconButton("close", words.say("close"), () => dialog.close()));
  const content = h("div", { className: "details" }, head, field, messages.box);
  dialog.show(content);
  const left = () => {
    messages.stop();
    if (!dialog.box.open) content.remove(); // open: something else is shown by now
  };
  dialog.box.addEventListener("close", left, { once: true });
  field.focus();
  messages.search(sought.trim());
}
