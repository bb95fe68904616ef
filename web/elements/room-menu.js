/** What can be done with a conversation: its menu, its details, and the questions before what can't be undone. */

import { avatar, bdi, h, hasFeature, iconButton } from "./dom.js";
import { field } from "./dialog.js";
import { ago, reasonOf } from "./later-words.js";
import { PeoplePicker } from "./people-picker.js";
import { isSame, nameOf, othersIn, titleOf } from "./people.js";

const GROUPS = new Set(["add_member", "remove_member", "edit_title"]); // what the switch `-groups` takes away

export class RoomMenu {
  /** @param {any} view the view of the conversation @param {any} more menu and dialog */
  constructor(view, more) {
    this.view = view;
    this.more = more;
    this.words = view.words;
  }

  get room() {
    return this.view.room;
  }

  /** @param {HTMLElement} from */
  open(from) {
    const { view, words, room } = this;
    const others = othersIn(room, view.me);
    const partner = others.length === 1 && room.members.length === 2 ? others[0] : null;
    const item = (/** @type {string} */ key, /** @type {() => any} */ act, more = {}) => ({ id: key, label: words.say(key), act: () => void act(), ...more });
    const toggle = (/** @type {any} */ wish) => this.#try(view.model.update(wish));
    const items = [
      item("details", () => this.#details(), { icon: "group" }),
      { id: "search", icon: "lens", label: words.say("search"), act: () => void view.find("") },
      item("date", () => this.#pickDate(), { icon: "day" }),
      item(room.muted ? "unmute" : "mute", () => toggle({ muted: !room.muted }), { icon: room.muted ? "bell" : "mute" }),
      item(room.archived ? "unarchive" : "archive", () => this.#archive(!room.archived), { icon: "box" }),
      item("markUnread", () => this.#markUnread(), { icon: "chat" }),
      ...this.more.siteActions(room),
    ];
    if (partner && this.#isBlocked(partner)) items.push(this.#blockItem("unblock", partner));
    else if (partner) items.push(this.#blockItem("block", partner));
    if (this.#may("leave", room.members.length > 2)) items.push(item("leave", () => this.#leave(), { icon: "leave", danger: true }));
    if (this.#may("delete", false)) items.push(item("deleteChat", () => this.#remove(), { icon: "delete", danger: true }));
    this.more.menu.open(from, items);
  }

  /** Whether the server grants a right; what it doesn't say is as given. @param {string} right @param {boolean} otherwise */
  #may(right, otherwise) {
    const { can } = this.view.model.snapshot;
    if (GROUPS.has(right) && !hasFeature(this.view.host, "groups")) return false;
    return can ? can.includes(right) : otherwise;
  }

  /** @param {Promise<any>} doing */
  async #try(doing) {
    try {
      await doing;
      return true;
    } catch (error) {
      this.view.notice(reasonOf(this.words, /** @type {any} */ (error)?.code, this.view.shell.limits), true);
      return false;
    }
  }

  /** @param {boolean} archived */
  async #archive(archived) {
    if (await this.#try(this.view.model.update({ archived }))) this.view.shell.archived?.(this.view.model.id);
  }

  /** The room is left, or looking at it would mark it as read again. */
  async #markUnread() {
    if (await this.#try(this.view.model.update({ marked_unread: true }))) this.view.shell.close?.();
  }

  // ------------------------------------------------------------ blocking

  /** @param {any} partner */
  #isBlocked(partner) {
    return this.view.shell.isBlocked(partner.user_id);
  }

  /** @param {"block" | "unblock"} key @param {any} partner */
  #blockItem(key, partner) {
    const name = nameOf(this.room, partner.user_id, this.words);
    const act = () => void (key === "block" ? this.#block(partner, name) : this.#unblock(partner));
    return { id: key, icon: "block", label: this.words.say(key, { name }), act, danger: key === "block" };
  }

  /** @param {any} partner @param {string} name */
  async #block(partner, name) {
    const { words } = this;
    const agrees = await this.more.dialog.confirm(words.say("askBlock", { name }), words.say("block", { name }));
    if (agrees) await this.#try(this.view.shell.block(partner.user_id, true));
    this.view.render();
  }

  /** @param {any} partner */
  async #unblock(partner) {
    await this.#try(this.view.shell.block(partner.user_id, false));
    this.view.render();
  }

  // ------------------------------------------------------------ leaving

  async #leave() {
    const { words, view } = this;
    if (!(await this.more.dialog.confirm(words.say("askLeave"), words.say("leave")))) return;
    if (await this.#try(view.model.leave())) view.shell.close?.();
  }

  async #remove() {
    const { words, view } = this;
    if (!(await this.more.dialog.confirm(words.say("askDeleteChat"), words.say("delete")))) return;
    if (await this.#try(view.model.remove())) view.shell.close?.();
  }

  async #pickDate() {
    const { words, view } = this;
    const today = new Date();
    today.setMinutes(today.getMinutes() - today.getTimezoneOffset());
    const day = today.toISOString().slice(0, 10);
    const input = field(words.say("date"), { type: "date", name: "date", value: day, max: day, required: true });
    const values = await this.more.dialog.form(words.say("date"), [input], words.say("date"));
    if (values) void view.history.enriched.then((/** @type {any} */ { jumps }) => jumps.toDate(new Date(`${values.get("date")}T00:00`)));
  }

  // ------------------------------------------------------------ details

  #details() {
    const { view, words, room } = this;
    const title = h("h2", { id: "dialog-title" }, bdi(titleOf(room, view.me, words)));
    const head = h("div", { className: "dialog-head" }, title, iconButton("close", words.say("close"), () => this.more.dialog.close()));
    const members = h("ul", { className: "people", role: "list" }, ...room.members.map((/** @type {any} */ one) => this.#member(one)));
    const count = h("p", { className: "faint" }, words.say("members", { n: room.members.length }));
    this.more.dialog.show(h("div", { className: "details" }, head, this.#rename(), count, members, this.#adding()));
  }

  #rename() {
    const { words, room } = this;
    if (!this.#may("edit_title", true) || room.members.length < 3) return null;
    const input = field(words.say("title"), { name: "title", value: room.title ?? "", maxLength: 200 });
    const save = h("button", { className: "main" }, words.say("save"));
    const form = h("form", { className: "line" }, input, save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try(this.view.model.update({ title: input.value })).then((isDone) => isDone && this.#details());
    });
    return form;
  }

  /** @param {any} member */
  #member(member) {
    const { words, view, room } = this;
    const name = member.name || words.say("someone");
    const isMe = isSame(member.user_id, view.me);
    const seen = member.last_seen && !member.online ? words.say("seen", { when: ago(words, new Date(member.last_seen)) }) : "";
    const state = isMe ? words.say("you") : member.online ? words.say("online") : seen;
    const canRemove = !isMe && room.members.length > 2 && this.#may("remove_member", true);
    const remove = canRemove ? iconButton("close", words.say("remove", { name }), () => void this.#removeMember(member, name)) : null;
    const who = h("span", {}, bdi(name), h("small", {}, state));
    return h("li", {}, avatar(name, member.picture, String(member.user_id)), who, remove);
  }

  /** @param {any} member @param {string} name */
  async #removeMember(member, name) {
    const { words, view } = this;
    const agrees = await this.more.dialog.confirm(words.say("askRemove", { name }), words.say("remove", { name }));
    if (agrees && (await this.#try(view.model.removeMember(member.user_id)))) this.#details();
  }

  #adding() {
    const { words, room, view } = this;
    if (!this.#may("add_member", true) || room.members.length < 3) return null;
    const { fields } = new PeoplePicker(view.shell, room.members.map((/** @type {any} */ one) => one.user_id));
    const form = h("form", {}, ...fields, h("button", { className: "main" }, words.say("add")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const user = new FormData(form).get("person");
      void this.#try(view.model.addMember(user)).then((isDone) => isDone && this.#details());
    });
    return form;
  }
}
