/** Where a message is written: text, files, edits, and what the server refused. */

import { $, fileWords, h, icon } from "./dom.js";

export class Composer {
  #room = null;
  #drafts = new WeakMap(); // room → { text, files, answers }: what is written in one stays there
  #files = [];
  #editing = null; // the id of the message that is being edited
  #answers; // the id of the message that is being answered

  /** `isMine` and `nameOf` say whose a message is; `onSent` is called after each send. */
  constructor({ isMine, nameOf, onSent }) {
    this.isMine = isMine;
    this.nameOf = nameOf;
    this.onSent = onSent;
    this.text = $("text");
    this.#listen();
  }

  #listen() {
    const room = $("room");
    $("composer").addEventListener("submit", (event) => this.#submit(event));
    this.text.addEventListener("keydown", (event) => this.#key(event));
    this.text.addEventListener("input", () => this.#written());
    this.text.addEventListener("paste", (event) => this.#take(event, event.clipboardData.files));
    $("attach").addEventListener("click", () => $("picker").click());
    $("picker").addEventListener("change", (event) => {
      this.#add([...event.target.files]);
      event.target.value = "";
      this.text.focus();
    });
    room.addEventListener("dragover", (event) => {
      event.preventDefault();
      room.classList.add("dropping");
    });
    room.addEventListener("dragleave", () => room.classList.remove("dropping"));
    room.addEventListener("drop", (event) => {
      room.classList.remove("dropping");
      this.#take(event, event.dataTransfer.files);
    });
    $("stop-editing").addEventListener("click", () => this.#stopEditing());
    $("stop-replying").addEventListener("click", () => this.reply());
  }

  /** Turns to another room: what was being written stays with the one it was written in. */
  enter(room) {
    if (this.#editing) this.#stopEditing();
    if (this.#room) this.#drafts.set(this.#room, this.#draft());
    const draft = this.#drafts.get(room) ?? { text: "", files: [] };
    this.#room = room;
    this.#files = draft.files;
    this.#answers = draft.answers;
    this.complain("");
    this.#write(draft.text);
    this.#showFiles();
    this.#showReply();
  }

  #draft() {
    return { text: this.text.value, files: this.#files, answers: this.#answers };
  }

  /** What is written next answers this message; without an id, none. */
  reply(message_id = undefined) {
    if (this.#editing) this.#stopEditing();
    this.#answers = message_id;
    this.#showReply();
    this.text.focus();
  }

  #showReply() {
    const message = this.#room.messages.get(this.#answers);
    $("replying").hidden = !message;
    if (!message) return;
    const words = message.text || message.attachments.map((file) => file.file_name).join(", ");
    $("answered").replaceChildren(h("b", { textContent: this.nameOf(message) }), words);
  }

  edit(message_id, text = this.#room.messages.get(message_id)?.text) {
    if (!this.#editing) this.#drafts.set(this.#room, this.#draft());
    this.#editing = message_id;
    $("replying").hidden = true;
    this.complain("");
    $("editing").hidden = false;
    $("attach").disabled = true;
    this.#write(text ?? "");
    this.text.focus();
  }

  #stopEditing() {
    this.#editing = null;
    $("editing").hidden = true;
    $("attach").disabled = false;
    this.#write(this.#drafts.get(this.#room)?.text ?? "");
    this.#showReply();
    this.text.focus();
  }

  /** What the server refused, in its words; the text comes back to be changed or sent again. */
  giveBack(room, { item, error }) {
    if (room !== this.#room) return this.#keep(room, item);
    if (item?.action === "edit") this.edit(item.message_id, item.text);
    if (item?.action === "send") {
      if (this.#editing) this.#stopEditing();
      this.#write(joined(item.text, this.text.value));
      this.#add(item.files);
      this.#answers = error.code === "unanswerable" ? undefined : item.reply_to;
      this.#showReply();
    }
    this.complain(error.message);
  }

  /** The same for a room that the writer has left: it waits there. */
  #keep(room, item) {
    if (item?.action !== "send") return;
    const draft = this.#drafts.get(room) ?? { text: "", files: [] };
    const files = [...draft.files, ...item.files];
    this.#drafts.set(room, { ...draft, text: joined(item.text, draft.text), files });
  }

  complain(words) {
    $("trouble").textContent = words;
    $("trouble").hidden = !words;
  }

  #submit(event) {
    event.preventDefault();
    const text = this.text.value;
    const says = text.trim() !== "" || (!this.#editing && this.#files.length > 0);
    if (!says) return;
    this.complain("");
    if (this.#editing) {
      if (text !== this.#room.messages.get(this.#editing)?.text) this.#room.edit(this.#editing, text);
      return this.#stopEditing();
    }
    const files = this.#files;
    this.#files = [];
    this.#showFiles();
    this.#write("");
    this.#room.send(text, files, this.#answers);
    this.reply();
    this.onSent();
  }

  #written() {
    this.#grow();
    if (!this.#editing && this.text.value) this.#room.type();
  }

  #key(event) {
    if (event.isComposing) return; // Enter there chooses a word of an input method
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      $("composer").requestSubmit();
    } else if (event.key === "Escape" && this.#editing) {
      this.#stopEditing();
    } else if (event.key === "Escape" && this.#answers) {
      this.reply();
    } else if (event.key === "ArrowUp" && this.text.value === "" && !this.#editing) {
      const last = this.#room.all().findLast(this.isMine);
      if (!last) return;
      event.preventDefault();
      this.edit(last.message_id);
    }
  }

  #write(text) {
    this.text.value = text;
    this.#grow();
  }

  #grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  // ------------------------------------------------------------ files

  #take(event, files) {
    if (!files.length) return;
    event.preventDefault();
    this.#add([...files]);
  }

  #add(files) {
    if (this.#editing) return this.complain("Files can't be added to a message that was sent.");
    this.#files = [...this.#files, ...files];
    this.#showFiles();
  }

  #showFiles() {
    $("chosen").replaceChildren(...this.#files.map((file) => this.#chip(file)));
  }

  #chip(file) {
    const remove = () => {
      this.#files = this.#files.filter((other) => other !== file);
      this.#showFiles();
      this.text.focus();
    };
    const does = { type: "button", onclick: remove, "aria-label": `Don't send ${file.name}` };
    const button = h("button", { className: "plain", ...does }, icon("cross"));
    return h("li", {}, this.#picture(file), fileWords(file.name, file.size), button);
  }

  #picture(file) {
    if (!file.type.startsWith("image/")) return icon("file");
    const src = URL.createObjectURL(file);
    return h("img", { src, alt: "", onload: () => URL.revokeObjectURL(src) });
  }
}

const joined = (...texts) => texts.filter(Boolean).join("\n");
