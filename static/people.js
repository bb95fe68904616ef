/** What is known of rooms and of the people in them: names, titles, who is there. */

import { ago } from "./dom.js";

export class People {
  me = "";
  #items = new Map(); // room id → the room as the server showed it last
  #seen = new Map(); // user id, as a string → { online, last_seen }

  forget() {
    this.#items.clear();
    this.#seen.clear();
  }

  learn(items) {
    for (const item of items) {
      const known = this.#items.get(item.room_id); // by itself a room says more than in the list
      this.#items.set(item.room_id, { ...known, ...item });
      for (const member of item.members) this.hear(member);
    }
  }

  /** A member of a listed room, or a `presence` frame: the later word counts, not the last heard. */
  hear({ user_id, online, last_seen }) {
    const known = this.#seen.get(String(user_id));
    if ((known?.last_seen ?? "") <= (last_seen ?? "")) {
      this.#seen.set(String(user_id), { online, last_seen });
    }
  }

  isOnline(user) {
    return Boolean(this.#seen.get(String(user))?.online);
  }

  presenceOf(user) {
    const { online, last_seen } = this.#seen.get(String(user)) ?? {};
    if (online) return "online";
    return last_seen ? `last seen ${ago(new Date(last_seen))}` : "";
  }

  itemOf(id) {
    return this.#items.get(id);
  }

  membersOf(id) {
    return this.itemOf(id)?.members ?? [];
  }

  others(id) {
    return this.membersOf(id).filter((member) => String(member.user_id) !== this.me);
  }

  isGroup(id) {
    return this.membersOf(id).length > 2;
  }

  /** The one whom a room of two is about. */
  partnerIn(id) {
    return this.isGroup(id) ? undefined : this.others(id)[0];
  }

  nameIn(id, user) {
    const member = this.membersOf(id).find((each) => String(each.user_id) === String(user));
    return named(user, member?.name);
  }

  pictureIn(id, user) {
    return this.membersOf(id).find((each) => String(each.user_id) === String(user))?.picture;
  }

  namesIn(id) {
    return this.others(id).map(({ user_id, name }) => named(user_id, name)).join(", ");
  }

  /** Two are known to each other by name; a larger room by its title. */
  titleOf(id) {
    const { title } = this.itemOf(id) ?? {};
    return (this.isGroup(id) && title) || this.namesIn(id) || title || `Room ${id}`;
  }

  /** What stands below the title: who is there, and what the room is about. */
  aboutOf(id) {
    const partner = this.partnerIn(id);
    const item = this.itemOf(id);
    if (partner) {
      const subject = item.title || item.context;
      return [this.presenceOf(partner.user_id), subject].filter(Boolean).join(" · ");
    }
    const members = this.membersOf(id);
    const here = members.filter(({ user_id }) => this.isOnline(user_id)).length;
    return members.length ? `${members.length} members, ${here} online` : "";
  }

  /** "typing…", and of a larger room also who is. */
  typingIn(id, typists) {
    const names = [...typists].map((user) => this.nameIn(id, user));
    if (!names.length) return "";
    if (!this.isGroup(id)) return "typing…";
    if (names.length > 2) return "Several are typing…";
    return names.length === 2 ? `${names.join(" and ")} are typing…` : `${names[0]} is typing…`;
  }
}

export function named(user, name) {
  return String(name || (/^\d+$/.test(user) ? `User ${user}` : user));
}
