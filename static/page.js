/** The page: who one is, the list of rooms, and the room that is open. */

import { Room, Site } from "./client.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { $, avatar, briefly, h, icon } from "./dom.js";

const LIST_EVERY = 10_000; // ms between two looks at the list of rooms
const ENDED = {
  4000: "There is no such room.",
  4001: "Your token is not valid, or it has expired.",
  4003: "You are not a member of this room.",
  4004: "This room is not there, or it was deleted.",
  4005: "The site has disconnected you.",
};

let site = null;
let me = "";
let list = []; // the rooms as the server listed them last
let pages = 1;
let room = null; // the open one
let conversation = null;
const known = new Map(); // room id → Room: what was loaded or is still to be sent stays

const composer = new Composer({
  isMine: (message) => String(message.sender_id) === me,
  onSent: () => conversation.toNewest(),
});

// ---------------------------------------------------------------- the address: #token=…&room=…

function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

function goTo(change) {
  const next = fragment();
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  location.hash = next;
}

async function arrive() {
  const token = fragment().get("token");
  if (!token) return showEntry();
  if (token !== site?.token && !(await signIn(token))) return;
  enter(Number(fragment().get("room")) || null);
}

async function signIn(token) {
  const before = me;
  leaveRoom();
  site = new Site(document.baseURI, token);
  if (!(await loadList())) return false;
  if (me !== before) forget();
  for (const each of known.values()) each.site = site; // the same user with a fresh token goes on
  const name = nameOf(me, site.claims.name);
  $("myself").replaceChildren(avatar(name, site.claims.picture), name);
  showList();
  $("entry").hidden = true;
  $("chat").hidden = false;
  return true;
}

function forget() {
  for (const each of known.values()) each.close();
  known.clear();
}

function showEntry(why = "") {
  leaveRoom();
  site = null;
  $("chat").hidden = true;
  $("entry").hidden = false;
  $("entry-why").textContent = why;
  $("entry-why").hidden = !why;
  $("entry-token").focus();
}

$("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  const pasted = $("entry-token").value.trim();
  const token = new URLSearchParams(pasted.split("#")[1]).get("token") ?? pasted; // a whole link will do
  $("entry-token").value = "";
  if (token === fragment().get("token")) arrive();
  else goTo({ token });
});

// ---------------------------------------------------------------- the list of rooms

/** True when the server knows us, or can't be asked now. */
async function loadList() {
  const asked = site;
  try {
    const found = new Map();
    let next = true;
    for (let page = 1; next && page <= pages; page++) {
      const answer = await asked.rooms(page);
      if (asked !== site) return false; // somebody else has come in meanwhile
      for (const item of answer.results) found.set(item.room_id, item);
      next = answer.next;
    }
    list = [...found.values()];
    me = site.whoAmI(list);
    $("more-rooms").hidden = !next;
    notice("");
    return true;
  } catch (error) {
    if (asked !== site) return false;
    if (error.code === "unauthenticated") showEntry(ENDED[4001]);
    notice(error.code ? error.message : "The server can't be reached.");
    return !error.code;
  }
}

function notice(words) {
  $("rooms-notice").textContent = words;
  $("rooms-notice").hidden = !words;
}

let renewal = { timer: 0, due: Infinity };

/** Looks at the list again, soon: many changes at once are one look. */
function renewList(delay = 500) {
  const due = Date.now() + delay;
  if (due >= renewal.due) return;
  clearTimeout(renewal.timer);
  renewal = { due, timer: setTimeout(lookAgain, delay) };
}

async function lookAgain() {
  renewal.due = Infinity;
  if (site && document.visibilityState === "visible" && (await loadList())) showList();
  renewList(LIST_EVERY);
}

let shown = "";

function showList() {
  const state = JSON.stringify([list, room?.id, me, document.visibilityState]);
  if (state === shown) return; // a screen reader keeps its place
  shown = state;
  if (room) showHead();
  const focused = document.activeElement?.dataset.room;
  $("room-list").replaceChildren(...list.map(roomItem));
  if (focused) $("room-list").querySelector(`[data-room="${focused}"]`)?.focus();
  const unread = list.reduce((sum, item) => sum + unreadIn(item), 0);
  const where = room ? `${titleOf(room.id)} · roomcast` : "roomcast";
  document.title = unread ? `(${unread}) ${where}` : where;
}

function roomItem(item) {
  const other = others(item)[0];
  const name = titleOf(item.room_id);
  const unread = unreadIn(item);
  const unseen = h("span", { className: "unseen", textContent: " unread" });
  const badge = h("span", { className: "badge" }, String(unread), unseen);
  const does = { type: "button", onclick: () => goTo({ room: item.room_id }) };
  const button = h(
    "button",
    { ...does, className: "room-item", "data-room": item.room_id },
    avatar(name, other?.picture),
    h("span", { className: "room-title", textContent: name }),
    h("time", { textContent: briefly(new Date(item.last_message?.created_at ?? item.created_at)) }),
    h("span", { className: "room-last" }, ...lastWords(item)),
    unread ? badge : "",
  );
  if (room?.id === item.room_id) button.setAttribute("aria-current", "true");
  return h("li", {}, button);
}

function lastWords({ last_message: last }) {
  if (!last) return ["No messages yet"];
  const words = last.content ? [last.content] : [icon("clip"), "File"];
  return last.from_this_user ? ["You: ", ...words] : words;
}

/** Nothing is unread in the room before one's eyes. */
function unreadIn(item) {
  return item.room_id === room?.id && document.visibilityState === "visible" ? 0 : item.unread;
}

$("more-rooms").addEventListener("click", () => {
  pages += 1;
  renewList(0);
});

$("new-room").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const { room_id } = await site.talkTo($("new-user").value.trim());
    $("new-user").value = "";
    await loadList();
    goTo({ room: room_id });
  } catch (error) {
    notice(error.message);
  }
});

// ---------------------------------------------------------------- names

function nameOf(user, name) {
  return String(name || (/^\d+$/.test(user) ? `User ${user}` : user));
}

function itemOf(id) {
  return list.find((item) => item.room_id === id);
}

function others(item) {
  return item?.members.filter((member) => String(member.user_id) !== me) ?? [];
}

function namesOf(item) {
  return others(item).map((member) => nameOf(member.user_id, member.name)).join(", ");
}

/** Two are known to each other by name; a larger room by its title. */
function titleOf(id) {
  const item = itemOf(id);
  const names = namesOf(item);
  return (others(item).length > 1 && item.title) || names || item?.title || `Room ${id}`;
}

function aboutOf(id) {
  const item = itemOf(id);
  if (others(item).length > 1) return item.title ? namesOf(item) : "";
  return item?.title || item?.context || "";
}

/** What a conversation has to know of the people in it. */
function peopleOf(id) {
  const members = () => itemOf(id)?.members ?? [];
  const memberOf = (user) => members().find((member) => String(member.user_id) === String(user));
  return {
    me,
    many: members().length > 2,
    nameOf: (user) => nameOf(user, memberOf(user)?.name),
    pictureOf: (user) => memberOf(user)?.picture,
  };
}

// ---------------------------------------------------------------- the open room

function leaveRoom() {
  const left = room;
  room = null;
  conversation?.leave();
  left?.leave();
}

function enter(id) {
  if (id === (room?.id ?? null)) return;
  leaveRoom();
  room = id && roomOf(id);
  document.body.classList.toggle("in-room", Boolean(room));
  $("room").hidden = !room;
  $("nowhere").hidden = Boolean(room);
  if (room) showRoom();
  showList();
  if (!room) $("room-list").querySelector("button")?.focus();
}

function roomOf(id) {
  if (!known.has(id)) {
    const fresh = new Room(site, id);
    const ifOpen = (react) => (event) => fresh === room && react(event.detail);
    fresh.addEventListener("state", ifOpen(showState));
    fresh.addEventListener("refused", ({ detail }) => composer.giveBack(fresh, detail));
    fresh.addEventListener("arrived", ifOpen(announce));
    fresh.addEventListener("change", ({ detail: frame }) => frame && renewList());
    known.set(id, fresh);
  }
  return known.get(id);
}

function showRoom() {
  const actions = { edit: (id) => composer.edit(id), delete: askToDelete };
  conversation = new Conversation(room, peopleOf(room.id), actions);
  composer.enter(room);
  room.open();
  showState();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
  else $("room-name").focus(); // on a phone the keyboard would cover the room
}

/** Who is there; names are learnt when people first come, so this may change. */
function showHead() {
  const [other] = others(itemOf(room.id));
  $("room-name").textContent = titleOf(room.id);
  $("room-about").textContent = aboutOf(room.id);
  $("room-avatar").replaceChildren(avatar(titleOf(room.id), other?.picture));
  conversation.render();
}

function showState() {
  const words = { connecting: "Connecting…", waiting: "No connection. Trying again…" };
  $("connection").textContent = words[room.state] ?? "";
  $("connection").className = `connection ${room.state}`;
  $("ended").hidden = room.state !== "ended";
  $("composer").hidden = room.state === "ended";
  $("ended").textContent = room.ended ? (ENDED[room.ended.code] ?? room.ended.reason) : "";
  if (room.ended?.code === 4001) showEntry(ENDED[4001]);
}

function announce(message) {
  if (String(message.sender_id) === me) return;
  const words = message.text || message.attachments.map((file) => file.file_name).join(", ");
  $("announcer").textContent = `${peopleOf(room.id).nameOf(message.sender_id)}: ${words}`;
}

function askToDelete(message_id) {
  const dialog = $("confirm");
  const asking = room;
  dialog.returnValue = "no";
  dialog.onclose = () => {
    if (dialog.returnValue === "yes") asking.delete(message_id);
  };
  dialog.showModal();
}

// ---------------------------------------------------------------- what happens around the page

$("back").addEventListener("click", () => goTo({ room: null }));
addEventListener("hashchange", arrive);
addEventListener("online", () => room?.hurry());
addEventListener("beforeunload", (event) => {
  const isSilent = [...known.values()].every((each) => each.outgoing.length === 0);
  if (!isSilent) event.preventDefault(); // something is still to be sent
});
document.addEventListener("visibilitychange", () => {
  room?.hurry();
  renewList(0);
});
arrive().then(() => renewList(LIST_EVERY));
