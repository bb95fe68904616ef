/** Where a message is written: text, files, answers and edits. */

import { ChosenFiles } from "./chosen-files.js";
import { addDrawings, h, hasFeature, icon, iconButton } from "./dom.js";
import { fillsWindow, stayAbove } from "./keyboard.js";
import { reasonOf } from "./later-words.js";
import { isSame, nameOf, summaryOf } from "./people.js";
import { addSheet } from "./sheets.js";
import { composerStyle } from "./style-composer.js";
import { restEnglish, writeEnglish } from "../lang/en.js";

addDrawings({
  send: "M4 12l16-8-5 16-3-6-8-2M12 14l4-5",
  clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 5 5l-8.5 8.5a1.7 1.7 0 0 1-2.5-2.5l7.5-7.5",
  close: "M6 6l12 12M18 6L6 18",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.5c2 2.3 5 2.3 7 0M9 9.500h.01M15 9.500h.01",
});

const SOON = 400; // ms after the last key in which a draft is kept
const COMPOSED = 229; // the code of a key that an input method has taken: in Safari composing has ended by then
const SAFE_LENGTH = 500; // characters that no server refuses

export class Composer {
  #editing = /** @type {any} */ (null);
  /** @type {number | undefined} */
  #answers;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saving;
  #isTouched = false;
  #isAsking = false; // whether the site looks at what is to be sent
  #stop = () => {};
  #given = ""; // what was written here before, as long as nobody has changed it
  #kept = ""; // what was being written before an edit began

  /** @param {any} view the view of the conversation */
  constructor(view) {
    this.view = view;
    this.host = view.host;
    this.words = view.words;
    this.words.learn({ ...restEnglish, ...writeEnglish });
    this.files = new ChosenFiles(this.words, () => view.shell.limits, () => this.#changed());
    const { words, host } = this;
    addSheet(host.root, composerStyle);
    view.box.dataset.drop = words.say("drop");
    const label = words.say("write");
    const placeholder = host.getAttribute("placeholder") ?? label;
    this.input = h("textarea", { part: "input", rows: 1, dir: "auto", placeholder, "aria-label": label, enterkeyhint: "send", autocomplete: "off" });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-label": words.say("attach") });
    const hasFiles = hasFeature(host, "files");
    this.attach = iconButton("clip", words.say("attach"), () => this.picker.click(), { part: "attach", hidden: !hasFiles });
    this.emoji = iconButton("smile", words.say("emoji"), () => this.#pickEmoji(), { className: "plain emoji-button" });
    this.send = h("button", { type: "submit", part: "send", className: "plain idle", title: words.say("send"), "aria-label": words.say("send") }, icon("send"));
    this.counter = h("span", { className: "counter", role: "status" });
    this.quick = h("div", { className: "quick", hidden: true });
    this.about = h("div", { className: "about", hidden: true });
    this.trouble = h("p", { className: "trouble", role: "alert", hidden: true });
    const slots = ["composer-start", "composer-end"].map((name) => h("slot", { name }));
    this.form = h("form", { part: "composer" }, slots[0], this.attach, this.picker, this.input, this.counter, this.emoji, slots[1], this.send);
    this.box = h("div", { className: "foot" }, this.quick, this.about, this.trouble, this.files.box, this.form);
    this.#listen();
    this.#stop = stayAbove(host.root, ":host", () => fillsWindow(host));
    this.#restore();
  }


  #listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.send.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus, a phone its keyboard
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("input", () => this.#written());
    this.input.addEventListener("paste", (event) => this.#paste(event));
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      this.view.box.addEventListener(name, (/** @type {DragEvent} */ event) => this.#drag(event));
    }
    this.picker.addEventListener("change", () => {
      this.take(this.picker.files ?? []);
      this.picker.value = "";
    });
  }

  /** What was written here before, or what the site suggests. */
  #restore() {
    const { draft } = this.view.model.snapshot;
    if (this.#isTouched || this.input.value !== this.#given) return;
    const text = draft?.text ?? "";
    if (text !== this.#given) this.#write((this.#given = text)); // in another view of the room it was written on, or sent
    if (draft?.replyTo) this.#answers = draft.replyTo;
    if (this.view.isNew && !this.input.value) this.#write(this.host.getAttribute("suggestion") ?? "");
  }

  /** The limits of the server are known: what is written and chosen already is measured by them. */
  learned() {
    this.files.render();
    this.#changed();
  }

  /** Called with each change of the room. */
  render() {
    this.#restore();
    this.#showAbout();
    this.#showQuick();
  }

  destroy() {
    this.#stop();
    clearTimeout(this.#saving);
    this.#save();
  }

  focus() {
    this.input.focus();
  }

  // ------------------------------------------------------------ answering and editing

  /** What is written next answers this message. @param {number | undefined} message_id */
  reply(message_id) {
    if (this.#editing) this.#stopEditing();
    this.#answers = message_id;
    this.#showAbout();
    this.#save();
    this.focus();
  }

  /** @param {any} message */
  edit(message) {
    if (!this.#editing) this.#kept = this.input.value;
    this.#editing = message;
    this.#showAbout();
    this.complain("");
    this.#write(message.text ?? "");
    this.focus();
  }

  #stopEditing() {
    this.#editing = null;
    this.#write(this.#kept);
    this.#kept = "";
    this.#showAbout();
  }

  /** The message that is answered or edited, above the field. */
  #showAbout() {
    const { words, view } = this;
    const answered = view.model.snapshot.messages.find((/** @type {any} */ one) => one.message_id === this.#answers);
    if (this.#answers && !answered && view.model.snapshot.state === "open" && !view.model.snapshot.hasNewer) this.#answers = undefined;
    const message = this.#editing ?? answered;
    this.attach.disabled = Boolean(this.#editing);
    this.about.hidden = !message;
    if (!message) return;
    const own = this.#editing ? "edit" : isSame(message.sender_id, view.me) && "reply"; // no "Reply to you"
    const head = own ? words.say(own) : words.say("replyTo", { name: nameOf(view.room, message.sender_id, words) });
    const stop = iconButton("close", words.say("cancel"), () => this.#cancel());
    this.about.replaceChildren(h("div", {}, h("b", {}, h("bdi", {}, head)), h("bdi", {}, summaryOf(message, words))), stop);
  }

  /** Escape: leaves the edit or the answer; true where there was one. */
  #cancel() {
    if (this.#editing) this.#stopEditing();
    else if (this.#answers) this.reply(undefined);
    else return false;
    return true;
  }

  /** A refused message comes back to be changed. @param {any} message */
  takeBack(message) {
    if (this.#editing) this.#stopEditing();
    this.#write([message.text, this.input.value].filter(Boolean).join("\n"));
    if (message.files?.length) this.files.add(message.files);
    this.#answers = message.reply_to?.message_id ?? this.#answers;
    this.#showAbout();
    this.focus();
  }

  // ------------------------------------------------------------ sending

  async #submit() {
    if (this.input.value.length > SAFE_LENGTH || this.files.files.length) await this.view.shell.learn();
    const text = this.input.value;
    if (this.#tooLong() > 0) return;
    if (this.#editing) return this.#saveEdit(text);
    const { accepted: files, files: chosen } = this.files;
    if (this.#isAsking || (!text.trim() && !files.length)) return;
    this.#isAsking = true;
    const draft = await this.view.prepare({ text, files, replyTo: this.#answers }).finally(() => (this.#isAsking = false));
    if (!draft) return;
    this.complain("");
    this.files.set(this.files.files.filter((file) => !chosen.includes(file)));
    this.#answers = undefined;
    if (this.input.value === text) this.#write("");
    this.#showAbout();
    this.#save();
    this.view.send(draft);
  }

  /** An edit that leaves nothing is a deletion, which is asked for. @param {string} text */
  #saveEdit(text) {
    const message = this.#editing;
    this.#stopEditing();
    if (!text.trim() && !message.attachments?.length) return this.#delete(message.message_id);
    if (text !== message.text) {
      this.view.model.edit(message.message_id, text).catch((/** @type {any} */ error) => {
        this.edit({ ...message, text });
        this.complain(reasonOf(this.words, error?.code, this.view.shell.limits));
      });
    }
  }

  /** @param {number} message_id */
  #delete(message_id) {
    const { shell, history } = this.view;
    void shell.use(shell.more(), (/** @type {any} */ more) => more.deleteMessage(history, message_id));
  }

  /** @param {string} reason */
  complain(reason) {
    this.trouble.textContent = reason;
    this.trouble.hidden = !reason;
  }

  // ------------------------------------------------------------ writing

  #written() {
    this.#isTouched = true;
    this.complain("");
    this.#changed();
    if (!this.#editing && this.input.value && hasFeature(this.host, "typing")) this.view.model.typing();
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.#save(), SOON);
  }

  #save() {
    const text = this.#editing ? this.#kept : this.input.value;
    const { draft } = this.view.model.snapshot;
    if (text === (draft?.text ?? "") && this.#answers === draft?.replyTo) return;
    this.view.model.setDraft({ text, replyTo: this.#answers });
  }

  /** Code points above the limit. */
  #tooLong() {
    const { max_text_length: limit } = this.view.shell.limits;
    if (!limit || this.input.value.length <= limit) return 0;
    return [...this.input.value].length - limit;
  }

  #changed() {
    if (!this.input) return;
    const excess = this.#tooLong();
    this.counter.textContent = excess > 0 ? this.words.say("tooLong", { n: excess }) : "";
    this.send.disabled = excess > 0;
    this.send.classList.toggle("idle", !this.input.value.trim() && !this.files.files.length);
    this.#grow();
    this.#showQuick();
  }

  /** Where CSS can't size a field by its content. */
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.input.rows = 1;
    const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(this.input);
    const inner = this.input.scrollHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    this.input.rows = Math.max(1, Math.min(8, Math.round(inner / parseFloat(lineHeight))));
  }

  /** Replaces the text; where the field has the focus, so that it can be undone. @param {string} text */
  #write(text) {
    if (this.input.value !== text) {
      const isFocused = this.view.history?.focused() === this.input;
      if (isFocused) this.input.select();
      const command = text ? "insertText" : "delete";
      if (!isFocused || !document.execCommand(command, false, text) || this.input.value !== text) this.input.value = text;
    }
    this.#changed();
  }

  /** Puts text where the cursor is. @param {string} text */
  insert(text) {
    this.focus();
    if (!document.execCommand("insertText", false, text)) {
      this.input.setRangeText(text, this.input.selectionStart, this.input.selectionEnd, "end");
    }
    this.#written();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === COMPOSED) return; // Enter there chooses a word of an input method
    const sends = this.host.getAttribute("enter") === "newline" ? event.ctrlKey || event.metaKey : !event.shiftKey;
    if (event.key === "Enter" && sends) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "Escape" && this.#cancel()) {
      event.preventDefault(); // or a dialog around it would close
      event.stopPropagation();
    } else if (event.key === "ArrowUp" && !this.input.value && !this.#editing && !event.altKey) {
      const last = this.view.model.snapshot.messages.findLast((/** @type {any} */ one) => one.mine && one.kind !== "system");
      if (!last || !hasFeature(this.host, "edit")) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  // ------------------------------------------------------------ files and quick replies

  /** @param {Iterable<File>} files */
  take(files) {
    if (this.#editing || !hasFeature(this.host, "files")) return;
    this.files.add(files);
    this.focus();
  }

  /** Files that are dropped anywhere in the conversation. @param {DragEvent} event */
  #drag(event) {
    if (this.box.hidden || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const { box } = this.view;
    const isOver = event.type === "dragenter" || event.type === "dragover";
    const isInside = event.type === "dragleave" && box.contains(/** @type {Node} */ (event.relatedTarget));
    box.classList.toggle("dropping", isOver || isInside);
    if (event.type === "drop") this.take(event.dataTransfer.files);
  }

  /** A text on the clipboard wins over the picture of it that office programs add. @param {ClipboardEvent} event */
  #paste(event) {
    const { files, types } = /** @type {DataTransfer} */ (event.clipboardData);
    if (!files.length || types.includes("text/plain")) return;
    event.preventDefault();
    this.take(files);
  }

  #pickEmoji() {
    const insert = (/** @type {string} */ one) => this.insert(one);
    void this.view.history.enriched.then((/** @type {any} */ { tools }) => tools.pickEmoji(this.emoji, insert));
  }

  #showQuick() {
    if (!this.quick) return;
    const { quickReplies } = this.host;
    const replies = typeof quickReplies === "function" ? quickReplies(this.view.room) : quickReplies;
    const isOpen = replies?.length && !this.input.value && !this.#editing && !this.files.files.length;
    const key = isOpen ? replies.join("\n") : "";
    if (this.quick.dataset.key === key) return;
    this.quick.dataset.key = key;
    this.quick.hidden = !isOpen;
    const buttons = (isOpen ? replies : []).map((/** @type {string} */ text) =>
      h("button", { type: "button", dir: "auto", onclick: () => this.view.sendText({ text }) }, text),
    );
    this.quick.replaceChildren(...buttons);
  }
}
