/**
 * What a message has beside its text: files, reactions, buttons, tools, and what became of one that was
 * not sent. Loaded after the first messages, or by the first that needs it.
 */

import { loadModule } from "../sdk/loading.js";
import { fileNodes, keepBeneath, sendingNodes, thumbnailOf } from "./attachments.js";
import { h, hasFeature, iconButton } from "./dom.js";
import { formatted } from "./formatting.js";
import { Jumps } from "./jumps.js";
import { watchLanguage } from "./language-watch.js";
import { wholeDate } from "./later-words.js";
import { MessageFocus } from "./message-focus.js";
import { isSame, nameOf, summaryOf } from "./people.js";
import { Reading } from "./reading.js";
import { addSheet } from "./sheets.js";
import { chatRestStyle } from "./style-chatrest.js";
import { extrasStyle } from "./style-extras.js";
import { restStyle } from "./style-rest.js";
import { textNodes } from "./text.js";
import { ViewTools } from "./view-tools.js";
import { pictureEnglish, restEnglish } from "../lang/en.js";

const WIDE = 140; // pixels that a picture must be wide for the time to stand on it
const TALLEST = 352; // pixels, as in its style

/** Whether a picture is shown so wide that the time can stand on it. @param {any} file */
function isWide(file) {
  return file?.width >= WIDE && file.height >= 60 && (file.width / file.height) * TALLEST >= WIDE;
}

/** For all messages of one conversation. */
export class Extras {
  #refreshed = new Set(); // messages whose links were asked for again

  /** @param {any} history the messages */
  constructor(history) {
    this.history = history;
    this.host = history.host;
    this.words = history.words;
    this.words.learn(restEnglish);
    this.jumps = new Jumps(history);
    this.reading = new Reading(history);
    this.tools = new ViewTools(history.view);
    this.focus = new MessageFocus(this);
    watchLanguage(this.host.link);
    this.hasMarks = hasFeature(this.host, "markdown", false);
    for (const style of [restStyle, chatRestStyle, extrasStyle]) addSheet(this.host.root, style);
    history.list.addEventListener("pointerover", (/** @type {any} */ { target }) => this.#date(target.closest("time")));
  }

  /** The whole date of the time that the pointer is on. @param {HTMLTimeElement | null} time */
  #date(time) {
    if (time) time.title ||= wholeDate(this.words, new Date(time.dateTime));
  }

  /** What every message has beside its text. @param {any} row */
  #extend(row) {
    row.extra = h("div", { className: "extra", hidden: true });
    row.reactions = h("div", { part: "reactions" });
    row.below = h("div", { className: "below" });
    row.tools = h("div", { className: "tools" });
    row.bubble.append(row.extra);
    row.box.append(row.reactions, row.below, row.tools);
    row.bubble.addEventListener("click", (/** @type {PointerEvent} */ event) => this.#tapped(event, row));
  }

  /** Draws what has changed. @param {any} row @param {any} message */
  show(row, message) {
    const { me, room } = this.history;
    if (!row.tools) this.#extend(row);
    row.box.classList.toggle("going", message.pending === "delete");
    const name = nameOf(room, message.sender_id, this.words);
    row.once("label", [name, message.text, message.created_at].join(), () => this.#label(row.box, name, message));
    const names = room.members.map((/** @type {any} */ member) => member.name).join();
    row.once("reactions", JSON.stringify([message.reactions, names, me]), () => this.#showReactions(row, message));
    row.once("files", filesKey(message), () => this.#showFiles(row, message));
    row.once("extra", JSON.stringify([message.actions, message.chosen, message.data, names]), () => this.#showExtra(row, message));
    row.once("tools", `${message.message_id} ${message.kind}`, () => this.#showTools(row, message));
    row.once("marks", message.text, () => row.text.replaceChildren(...this.#nodesOf(message.text ?? "")));
    row.once("below", `${message.state} ${message.error?.code}`, () => this.#showState(row, message));
  }

  /** @param {HTMLElement} box @param {string} name @param {any} message */
  #label(box, name, message) {
    const { words } = this;
    const who = message.kind === "system" ? "" : message.mine ? words.say("you") : name;
    const when = words.time(new Date(message.created_at ?? message.at));
    box.setAttribute("aria-label", [who, summaryOf(message, words), when].filter(Boolean).join(", "));
  }

  /** A text with its links and, where the site wants it, its formatting. @param {string} text */
  #nodesOf(text) {
    const { host } = this;
    const onlink = (/** @type {Event} */ event) =>
      host.emit("link", { url: /** @type {any} */ (event.currentTarget).href }, true) || event.preventDefault();
    const linked = (/** @type {string} */ part) => textNodes(part, { policy: host.linkPolicy, onlink });
    return this.hasMarks ? formatted(text, linked) : linked(text);
  }

  // ------------------------------------------------------------ files

  /** @param {any} row @param {any} message */
  #showFiles({ box, files }, message) {
    const nodes = message.attachments ? fileNodes(message, this) : sendingNodes(message, this);
    const pictures = nodes.filter((node) => node.getAttribute("part") === "picture").length;
    const isMedia = pictures > 0 && pictures === nodes.length;
    box.classList.toggle("pictured", isMedia);
    files.className = !isMedia ? "" : pictures === 1 ? "single" : `album ${pictures === 3 ? "three" : ""}`;
    box.classList.toggle("bare", isMedia && !message.text && (pictures > 1 || isWide(message.attachments?.[0])));
    files.hidden = !nodes.length;
    files.removeAttribute("style"); // the place that was kept
    const before = files.querySelectorAll("img");
    files.replaceChildren(...nodes);
    files.querySelectorAll("img").forEach((/** @type {HTMLImageElement} */ picture, /** @type {number} */ i) => keepBeneath(picture, before[i]));
  }

  /** Links to files expire; history hands out fresh ones. @param {number} message_id */
  linkBroken(message_id) {
    if (!message_id || this.#refreshed.has(message_id)) return;
    this.#refreshed.add(message_id);
    void this.history.model.refresh(message_id).catch(() => {}); // offline: the picture stays broken until the next visit
  }

  /** Opens the lightbox. @param {any[]} pictures @param {number} index @param {HTMLElement} from */
  look(pictures, index, from) {
    if (!this.host.emit("file", { file: pictures[index] }, true)) return;
    this.history.view.shell.use(loadModule(() => import("./lazy-lightbox.js")), (/** @type {any} */ { openLightbox }) => {
      this.words.learn(pictureEnglish);
      openLightbox({ root: this.host.root, words: this.words, pictures, index, from, thumbnailOf });
    });
  }

  // ------------------------------------------------------------ reactions

  /** @param {any} row @param {any} message */
  #showReactions(row, { message_id, reactions = [] }) {
    const { words, host, history } = this;
    const { room, me } = history;
    row.reactions.hidden = !reactions.length;
    const focused = /** @type {any} */ (history.focused());
    const chips = reactions.map((/** @type {any} */ { emoji, count, user_ids, mine }) => {
      const names = user_ids.map((/** @type {any} */ user) => (isSame(user, me) ? words.say("you") : nameOf(room, user, words)));
      const label = `${emoji} ${words.list(names)}`;
      const does = () => this.tools.react(message_id, emoji, !mine);
      const about = { type: "button", part: "chip", tabIndex: -1, title: label, "aria-label": label, "data-emoji": emoji };
      const disabled = !hasFeature(host, "reactions") || !this.tools.may("send");
      return h("button", { ...about, disabled, "aria-pressed": String(mine), onclick: does }, emoji, ` ${words.number(count)}`);
    });
    const stood = row.reactions.contains(focused) ? focused.dataset.emoji : null;
    row.reactions.replaceChildren(...chips);
    if (stood) (chips.find((/** @type {any} */ chip) => chip.dataset.emoji === stood) ?? row.box).focus();
  }

  // ------------------------------------------------------------ custom data, buttons, long texts

  /** @param {any} row @param {any} message */
  #showExtra(row, message) {
    const nodes = [this.#unfold(row), this.#rendered(message), this.#buttons(message)];
    row.extra.replaceChildren(...nodes.filter((node) => node !== null));
    row.extra.hidden = !row.extra.childNodes.length;
    row.box.classList.toggle("rich", !row.extra.hidden);
  }

  /** @param {any} row */
  #unfold({ body }) {
    if (!body.classList.contains("folded")) return null;
    const open = (/** @type {any} */ event) => {
      body.classList.remove("folded");
      event.target.remove();
    };
    return linkButton(this.words.say("fold"), open, { tabIndex: -1 });
  }

  /** What the site draws for custom data. @param {any} message */
  #rendered(message) {
    const type = message.data?.type;
    const renderer = type && this.host.renderers?.[type];
    return renderer ? renderer(message, this.history.room) : null;
  }

  /** Buttons of a message of the site, or who has chosen one. @param {any} message */
  #buttons(message) {
    if (message.chosen) return this.#chosen(message.chosen);
    if (!message.actions?.length) return null;
    const buttons = message.actions.map((/** @type {any} */ action) => {
      const look = action.style === "primary" ? "main" : action.style === "danger" ? "quiet danger" : "quiet";
      const does = (/** @type {any} */ event) => void this.#act(message, action, event.currentTarget);
      return h("button", { type: "button", className: look, tabIndex: -1, onclick: does }, h("bdi", {}, action.label));
    });
    return h("div", { className: "acts" }, ...buttons);
  }

  /** @param {{ id: string, label?: string, user_id: any }} chosen */
  #chosen({ id, label, user_id }) {
    const { me, room } = this.history;
    const name = isSame(user_id, me) ? this.words.say("you") : nameOf(room, user_id, this.words);
    return h("p", { className: "state" }, h("bdi", {}, `${name}: ${label ?? id}`));
  }

  /** @param {any} message @param {any} action @param {HTMLButtonElement} button */
  async #act(message, action, button) {
    const { room, model, view } = this.history;
    if (action.url) {
      if (this.host.emit("link", { url: action.url }, true)) window.open(action.url, "_blank", "noopener");
      return;
    }
    this.host.emit("action", { id: action.id, params: action.params, message, room });
    button.disabled = true;
    try {
      const reply = await model.act(message.message_id, action.id, action.params);
      if (reply) view.notice(reply);
    } catch (error) {
      view.notice(this.tools.reason(error), true);
    }
    button.disabled = false;
  }

  // ------------------------------------------------------------ tools and menu

  /** @param {any} row @param {any} message */
  #showTools(row, { message_id, kind }) {
    const { words, history } = this;
    if (!message_id) return row.tools.replaceChildren();
    const tool = (/** @type {any} */ name, /** @type {(event: Event) => void} */ does, more = {}) =>
      iconButton(name, words.say(name), does, { tabIndex: -1, ...more });
    const tools = [];
    if (kind !== "system" && this.tools.may("send")) tools.push(tool("reply", () => history.view.compose((/** @type {any} */ composer) => composer.reply(message_id))));
    const open = (/** @type {any} */ event) => this.openMenu(row, event.currentTarget);
    tools.push(tool("more", open, { "aria-haspopup": "menu" }));
    row.tools.replaceChildren(...tools);
  }

  /** On a screen without a mouse a tap on the bubble opens the menu. @param {any} event @param {any} row */
  #tapped({ pointerType, target, clientX: x, clientY }, row) {
    if (pointerType !== "touch" || target.closest("a, button") || String(getSelection())) return;
    const { top, height } = row.bubble.getBoundingClientRect();
    const isShort = height < innerHeight / 3; // the menu stands beside what it is for
    this.openMenu(row, row.box, { x, y: isShort ? top : clientY, height: isShort ? height : 0 });
  }

  /** @param {any} row @param {HTMLElement} opener @param {{ x: number, y: number, height: number }} [point] */
  openMenu(row, opener, point) {
    const { history } = this;
    const { shell } = history.view;
    if (row.message.message_id) shell.use(shell.more(), (/** @type {any} */ more) => more.openMessageMenu(history, row, opener, point));
  }

  // ------------------------------------------------------------ what is not stored yet

  /** @param {any} row @param {any} message */
  #showState({ box, below }, message) {
    const { words } = this;
    const isRefused = message.state === "refused";
    box.classList.toggle("failed", isRefused);
    if (!isRefused && message.state !== "retrying") return below.replaceChildren();
    const button = (/** @type {string} */ key, /** @type {() => void} */ does) => linkButton(words.say(key), does);
    const first = isRefused ? button("edit", () => this.#takeBack(message)) : button("now", () => message.item.retry());
    const reason = isRefused ? this.tools.reason(message.error) : words.say("waiting");
    const line = h("p", { className: isRefused ? "state failed" : "state" }, reason, first, button("delete", () => message.item.cancel()));
    below.replaceChildren(line);
  }

  /** Puts a refused message back into the composer. @param {any} message */
  #takeBack(message) {
    this.history.view.compose((/** @type {any} */ composer) => composer.takeBack(message));
    message.item.cancel();
  }
}

/** @param {any} message */
function filesKey({ attachments, files, version, state }) {
  if (attachments) return attachments.map((/** @type {any} */ file) => file.file_url).join("\n");
  return `${files?.length} ${state} ${state === "uploading" ? version : ""}`;
}

/** @param {string} label @param {(event: Event) => void} onclick @param {object} [more] */
function linkButton(label, onclick, more) {
  return h("button", { type: "button", className: "link-button", onclick, ...more }, label);
}
