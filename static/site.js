/** The protocol by HTTP: one's rooms, the people in them, search; and where the sockets are. */

/** A request that the server (or the storage) refused, in words for a person. */
export class Refused extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

export class Site {
  constructor(base, token) {
    this.base = base; // every URL is relative to the page, wherever it is mounted
    this.token = token;
    this.claims = claimsOf(token);
    this.me = ""; // the user id, once the rooms have told it
  }

  /** One page of the user's rooms, newest activity first; `next` says whether there are more. */
  async rooms(page = 1, archived = 0) {
    return this.#call("GET", `chat/recieve/?page=${page}&archived=${archived}`);
  }

  room(id) {
    return this.#call("GET", `chat/rooms/${id}/`);
  }

  /** `muted` and `archived` are the user's own, `title` is everybody's. */
  change(id, wish) {
    return this.#call("PATCH", `chat/rooms/${id}/`, wish);
  }

  /** The room with another user, made if it isn't there; with several, a new one. */
  talkTo(users) {
    const all = [...new Set([this.me, ...users])];
    const wish = users.length > 1 ? { members: all } : { second_user: users[0] };
    return this.#call("POST", "chat/create/", wish);
  }

  addMember(id, user_id) {
    return this.#call("POST", `chat/rooms/${id}/members/`, { user_id });
  }

  removeMember(id, user) {
    return this.#call("DELETE", `chat/rooms/${id}/members/${encodeURIComponent(user)}`);
  }

  /** Messages with these words, newest first; `next` is the query of the page with older ones. */
  async search(words) {
    return this.searchOn(`?${new URLSearchParams({ q: words })}`);
  }

  async searchOn(query) {
    const { results, next } = await this.#call("GET", `chat/search/${query}`);
    return { results, next: next && new URL(next).search };
  }

  async #call(method, path, body) {
    const answer = await fetch(new URL(`api/v1/${path}`, this.base), {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    throw new Refused(said.detail ?? `The server answered ${answer.status}.`, said.code);
  }

  /** The caller's user id as a string: that claim which is a member of all of the caller's rooms. */
  whoAmI(rooms) {
    const ids = [this.claims.sub, ...Object.values(this.claims)].filter(isId).map(String);
    const inRoom = (room, id) => room.members.some((member) => String(member.user_id) === id);
    return ids.find((id) => rooms.every((room) => inRoom(room, id))) ?? ids[0] ?? "";
  }

  socketUrl(room, cursor, epoch) {
    const url = this.#socketAt("ws/chat/");
    const receipts = "manual,compact"; // we say ourselves what was read, and hear it in one frame
    url.search = new URLSearchParams({ room_id: room, after: cursor, epoch, receipts });
    return url;
  }

  bellUrl() {
    return this.#socketAt("ws/chat/notifications/?format=flat");
  }

  #socketAt(path) {
    const url = new URL(path, this.base);
    url.protocol = url.protocol.replace("http", "ws");
    return url;
  }
}

function claimsOf(token) {
  try {
    const bytes = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
  } catch {
    return {}; // not a JWT: the server will say so
  }
}

const isId = (value) => typeof value === "string" || Number.isSafeInteger(value);
