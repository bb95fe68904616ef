/** One message on the page: made once, then only changed. */

import { $, avatar, fileWords, h, icon, isLink, linked, timeOf } from "./dom.js";

const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const STATUS = {
  sending: ["clock", "Sending"],
  send: ["tick", "Sent"],
  delivered: ["ticks", "Delivered"],
  read: ["ticks", "Read"],
};

export class Row {
  #shown = {};

  constructor(view, conversation) {
    this.conversation = conversation;
    this.author = h("span", { className: "author" });
    this.quote = h("div", { className: "quoted" });
    this.text = h("p", { className: "text", dir: "auto" });
    this.files = h("div", { className: "files" });
    this.progress = h("progress", { max: 1, hidden: true, "aria-label": "Upload" });
    this.meta = h("p", { className: "meta" });
    this.reactions = h("div", { className: "reactions" });
    this.tools = h("div", { className: "tools" });
    const words = h("div", { className: "words" }, this.text, this.meta);
    const parts = [this.author, this.quote, this.progress, this.files, words, this.reactions];
    const bubble = h("div", { className: "bubble" }, ...parts);
    this.side = h("div", { className: "side" });
    this.li = h("li", { className: "message", tabIndex: -1 }, this.side, bubble, this.tools);
    this.li.classList.toggle("mine", view.mine);
  }

  show(view, joined) {
    this.message_id = view.message_id;
    this.li.classList.toggle("joined", joined);
    this.li.classList.toggle("going", Boolean(view.going));
    this.progress.hidden = view.progress == null;
    if (view.progress != null) this.progress.value = view.progress;
    const { people } = this.conversation;
    const name = view.mine ? "You" : people.nameOf(view.sender_id);
    this.#once("author", name, () => {
      this.author.textContent = name;
      this.author.classList.toggle("unseen", view.mine || !people.many);
      this.side.replaceChildren(...(view.mine ? [] : [avatar(name, people.pictureOf(view.sender_id))]));
    });
    this.#once("text", view.text, (text) => this.text.replaceChildren(...linked(text)));
    this.#once("files", view.files.map(({ url }) => url).join("\n"), () => this.#showFiles(view));
    this.#once("meta", `${view.status} ${view.edited}`, () => this.#showMeta(view));
    const quoted = view.quote && [view.quote, this.#nameOf(view.quote.sender_id)];
    this.#once("quote", JSON.stringify(quoted), () => this.#showQuote(view.quote));
    this.#once("reactions", JSON.stringify(view.reactions), () => this.#showReactions(view));
    this.#once("tools", view.message_id, () => this.#showTools(view));
  }

  #nameOf(user) {
    const { people } = this.conversation;
    return String(user) === people.me ? "You" : people.nameOf(user);
  }

  /** Touches the page only where something is another than it was. */
  #once(part, value, change) {
    if (this.#shown[part] === value) return;
    this.#shown[part] = value;
    change(value);
  }

  #showFiles({ files, message_id }) {
    for (const old of this.files.querySelectorAll("img")) URL.revokeObjectURL(old.src);
    this.files.replaceChildren(...files.map((file) => this.#file(file, message_id)));
  }

  #file({ url, name, type, size }, message_id) {
    const link = { target: "_blank", rel: "noopener noreferrer", tabIndex: this.li.tabIndex };
    if (isLink(url)) link.href = url;
    if (PICTURES.has(type)) {
      const onerror = () => this.conversation.linkBroken(message_id);
      return h("a", { ...link, className: "picture" }, h("img", { src: url, alt: name, onerror }));
    }
    return h("a", { ...link, className: "card" }, icon("file"), fileWords(name, size));
  }

  #showMeta({ at, edited, mine, status }) {
    const exactly = { dateTime: at.toISOString(), title: at.toLocaleString() };
    const parts = [h("time", { ...exactly, textContent: timeOf(at) })];
    if (edited) parts.unshift(h("span", { textContent: "edited" }));
    if (mine) parts.push(h("span", { className: `status ${status}` }, icon(...STATUS[status])));
    this.meta.replaceChildren(...parts);
  }

  #showQuote(quote) {
    if (!quote) return this.quote.replaceChildren();
    const { message_id, sender_id, text } = quote;
    const said = h("span", { textContent: text === null ? "This message was deleted." : text || "File" });
    if (text === null) return this.quote.replaceChildren(h("p", { className: "quote gone" }, said));
    const name = h("b", { textContent: this.#nameOf(sender_id) });
    const jump = () => this.conversation.jump(message_id);
    const does = { type: "button", onclick: jump, title: "Go to this message" };
    const look = { className: "quote", tabIndex: this.li.tabIndex };
    this.quote.replaceChildren(h("button", { ...does, ...look }, name, said));
  }

  #showReactions({ reactions, message_id }) {
    const stood = document.activeElement;
    const had = this.reactions.contains(stood);
    const chips = reactions.map((reaction) => this.#chip(message_id, reaction));
    this.reactions.replaceChildren(...chips);
    if (had) (chips.find((chip) => chip.dataset.emoji === stood.dataset.emoji) ?? this.li).focus();
  }

  #chip(message_id, { emoji, users }) {
    const { people, room } = this.conversation;
    const mine = users.includes(people.me);
    const names = users.map((user) => this.#nameOf(user)).join(", ");
    const does = { type: "button", onclick: () => room.react(message_id, emoji, !mine) };
    const look = { className: "chip", tabIndex: this.li.tabIndex, title: names };
    const says = { "aria-pressed": String(mine), "aria-label": `${emoji} ${users.length}: ${names}` };
    const count = h("span", { textContent: users.length });
    return h("button", { ...does, ...look, ...says, "data-emoji": emoji }, emoji, count);
  }

  #showTools({ mine, message_id }) {
    if (!message_id) return this.tools.replaceChildren();
    const { actions } = this.conversation;
    const tool = (name, label, act) => {
      const onclick = ({ currentTarget }) => act(message_id, currentTarget);
      const look = { className: "plain", tabIndex: this.li.tabIndex, "aria-label": label };
      return h("button", { type: "button", title: label, onclick, ...look }, icon(name));
    };
    const react = tool("smile", "React", actions.pick);
    react.popoverTargetElement = $("emoji");
    const tools = [react, tool("reply", "Reply", actions.reply)];
    if (mine) tools.push(tool("pencil", "Edit", actions.edit));
    if (mine) tools.push(tool("bin", "Delete", actions.delete));
    this.tools.replaceChildren(...tools);
  }
}

const previews = new WeakMap();

/** A picture that is still on its way is shown from the writer's own disk. */
export function previewOf(file) {
  if (!PICTURES.has(file.type)) return file.name;
  if (!previews.has(file)) previews.set(file, URL.createObjectURL(file));
  return previews.get(file);
}
