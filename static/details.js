/** What there is to know and to change of a room: its members, its title, whether it is muted. */

import { $, avatar, h, icon } from "./dom.js";
import { named } from "./people.js";

export class Details {
  #site = null;
  #id = 0;
  #shown = "";

  /** `onChanged` is called after each change, `onGone` when the room is out of the list. */
  constructor(people, { onChanged, onGone }) {
    this.people = people;
    this.onChanged = onChanged;
    this.onGone = onGone;
    this.dialog = $("details");
    $("close-details").addEventListener("click", () => this.dialog.close());
    $("muted").addEventListener("change", () => this.#change({ muted: $("muted").checked }));
    $("archive").addEventListener("click", () => this.#archive());
    $("leave").addEventListener("click", () => this.#leave());
    this.#onSubmit("rename", () => this.#change({ title: $("title").value.trim() }));
    this.#onSubmit("add-member", () => this.#add($("guest").value.trim()));
  }

  #onSubmit(form, act) {
    $(form).addEventListener("submit", (event) => {
      event.preventDefault();
      act();
    });
  }

  async open(site, id) {
    this.#site = site;
    this.#id = id;
    this.#say("");
    this.#shown = "";
    this.dialog.showModal();
    this.show();
    await this.#try(() => site.room(id));
  }

  /** Shows the room as the server has it after this, or what it has against it. */
  async #try(ask) {
    const id = this.#id;
    try {
      const room = await ask();
      if (id !== this.#id) return false;
      this.people.learn([room]);
      this.#say("");
      this.show();
      return true;
    } catch (error) {
      if (id === this.#id) this.#say(error.message);
      return false;
    }
  }

  #say(words) {
    $("details-trouble").textContent = words;
    $("details-trouble").hidden = !words;
  }

  /** What is known by now; who stands in it with the keyboard stays where nothing is new. */
  show() {
    if (!this.dialog.open) return;
    const room = this.people.itemOf(this.#id);
    const presences = room?.members.map(({ user_id }) => this.people.presenceOf(user_id));
    const state = JSON.stringify([room, presences]);
    if (state === this.#shown) return;
    this.#shown = state;
    const isGroup = this.people.isGroup(this.#id);
    $("details-title").textContent = this.people.titleOf(this.#id);
    const members = this.people.membersOf(this.#id);
    $("members").replaceChildren(...members.map((member) => this.#member(member)));
    for (const id of ["rename", "add-member", "leave"]) $(id).hidden = !isGroup;
    $("muted").checked = Boolean(room?.muted);
    $("archive").textContent = room?.archived ? "Back to the list" : "Archive";
    if (document.activeElement !== $("title")) $("title").value = room?.title ?? "";
  }

  #member({ user_id, name, picture }) {
    const { people } = this;
    const isMe = String(user_id) === people.me;
    const called = isMe ? `${named(user_id, name)} (you)` : named(user_id, name);
    const presence = h("small", { textContent: people.presenceOf(user_id) });
    const words = h("span", {}, h("b", { textContent: called }), presence);
    const face = avatar(named(user_id, name), picture, people.isOnline(user_id));
    const remove = () => this.#remove(user_id);
    const does = { type: "button", onclick: remove, "aria-label": `Remove ${called}`, title: "Remove" };
    const isRemovable = people.isGroup(this.#id) && !isMe;
    const button = isRemovable ? h("button", { className: "plain", ...does }, icon("cross")) : "";
    return h("li", {}, face, words, button);
  }

  async #change(wish) {
    if (await this.#try(() => this.#site.change(this.#id, wish))) this.onChanged();
    else $("muted").checked = Boolean(this.people.itemOf(this.#id)?.muted);
  }

  async #archive() {
    const archived = !this.people.itemOf(this.#id)?.archived;
    await this.#change({ archived });
    if (this.people.itemOf(this.#id)?.archived === archived) this.dialog.close();
  }

  async #add(guest) {
    if (!(await this.#try(() => this.#site.addMember(this.#id, guest)))) return;
    $("guest").value = "";
    this.onChanged();
  }

  async #remove(user) {
    const removed = async () => {
      await this.#site.removeMember(this.#id, user);
      return this.#site.room(this.#id);
    };
    if (await this.#try(removed)) this.onChanged();
    $("close-details").focus(); // the button that was pressed may be gone
  }

  async #leave() {
    try {
      await this.#site.removeMember(this.#id, this.people.me);
      this.dialog.close();
      this.onGone(this.#id);
    } catch (error) {
      this.#say(error.message);
    }
  }
}
