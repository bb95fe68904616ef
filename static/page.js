/** The page: who one is, and the room that is open. */

import { Bell } from "./bell.js";
import { Room } from "./client.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Details } from "./details.js";
import { $, avatar } from "./dom.js";
import { People, named } from "./people.js";
import { Reactions } from "./reactions.js";
import { Rooms } from "./rooms.js";
import { Search } from "./search.js";
import { Site } from "./site.js";

const MINUTE = 60_000; // ms after which "5 min ago" is 6
const ENDED = {
  4000: "There is no such room.",
  4001: "Your token is not valid, or it has expired.",
  4003: "You are not a member of this room.",
  4004: "This room is not there, or it was deleted.",
  4005: "The site has disconnected you.",
};

let site = null;
let room = null; // the open one
let conversation = null;
const known = new Map(); // room id → Room: what was loaded or is still to be sent stays

const people = new People();
const bell = new Bell(null);
const rooms = new Rooms(people, bell, (room, message) => goTo({ room, message }));
const search = new Search(rooms, people);
const reactions = new Reactions();
const details = new Details(people, {
  onChanged: () => rooms.renew(0),
  onGone: () => {
    goTo({ room: null, message: null });
    rooms.renew(0); // whether or not the room's own end was heard before
  },
});
const isMine = ({ sender_id }) => String(sender_id) === people.me;
const composer = new Composer({
  isMine,
  nameOf: (message) => (isMine(message) ? "You" : people.nameIn(room.id, message.sender_id)),
  onSent: () => conversation.toNewest(),
});

// ---------------------------------------------------------------- the address: #token=…&room=…

function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

function withChange(change) {
  const next = fragment();
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}

function goTo(change) {
  location.hash = withChange(change);
}

async function arrive() {
  const token = fragment().get("token");
  if (!token) return showEntry();
  if (token !== site?.token && !(await signIn(token))) return;
  enter(Number(fragment().get("room")) || null);
  const message = Number(fragment().get("message"));
  if (room && message) await show(message);
}

async function signIn(token) {
  const before = people.me;
  leaveRoom();
  site = new Site(document.baseURI, token);
  if (!(await rooms.signIn(site))) return false;
  bell.close();
  bell.site = site;
  bell.open();
  if (before && people.me !== before) forget();
  site.me ||= people.me;
  for (const each of known.values()) each.site = site; // the same user with a fresh token goes on
  const name = named(people.me, site.claims.name);
  $("myself").replaceChildren(avatar(name, site.claims.picture), name);
  rooms.show(room);
  $("entry").hidden = true;
  $("chat").hidden = false;
  return true;
}

function forget() {
  for (const each of known.values()) each.close();
  known.clear();
  people.forget();
  people.learn(rooms.items);
  search.end();
}

function showEntry(why = "") {
  leaveRoom();
  bell.close();
  site = rooms.site = null;
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
  showWho();
  if (!room) $("room-list").querySelector("button")?.focus();
}

function roomOf(id) {
  if (!known.has(id)) {
    const fresh = new Room(site, id);
    const ifOpen = (react) => (event) => fresh === room && react(event.detail);
    fresh.addEventListener("state", ifOpen(showState));
    fresh.addEventListener("refused", ({ detail }) => composer.giveBack(fresh, detail));
    fresh.addEventListener("arrived", ifOpen(announce));
    fresh.addEventListener("typing", ifOpen(showWho));
    fresh.addEventListener("presence", ({ detail }) => {
      people.hear(detail);
      showWho();
    });
    fresh.addEventListener("regrouped", () => rooms.renew());
    fresh.addEventListener("change", ({ detail: frame }) => frame && rooms.renew());
    known.set(id, fresh);
  }
  return known.get(id);
}

function showRoom() {
  const actions = {
    edit: (id) => composer.edit(id),
    reply: (id) => composer.reply(id),
    delete: askToDelete,
    pick: (id, button) => reactions.about(room, id, button),
  };
  conversation = new Conversation(room, peopleIn(room.id), actions);
  composer.enter(room);
  room.open();
  showState();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
  else $("room-name").focus(); // on a phone the keyboard would cover the room
}

/** A room that is not in the list, because it is archived or far down, is asked for by itself. */
async function meet(id) {
  if (people.itemOf(id)) return;
  try {
    people.learn([await site.room(id)]);
    showWho();
  } catch (error) {
    rooms.say(error.message);
  }
}

/** What a conversation has to know of the people in it. */
function peopleIn(id) {
  return {
    get me() {
      return people.me;
    },
    get many() {
      return people.isGroup(id);
    },
    nameOf: (user) => people.nameIn(id, user),
    pictureOf: (user) => people.pictureIn(id, user),
  };
}

/** Names are learnt when people first come, and people come and go: so this may change. */
function showWho() {
  rooms.show(room);
  if (!room) return;
  const typing = people.typingIn(room.id, room.typists.keys());
  const title = people.titleOf(room.id);
  const partner = people.partnerIn(room.id);
  const isOnline = Boolean(partner) && people.isOnline(partner.user_id);
  const face = [title, partner?.picture, isOnline];
  const about = $("room-about");
  $("room-name").textContent = title;
  about.textContent = typing || people.aboutOf(room.id);
  about.classList.toggle("typing", Boolean(typing));
  if ($("room-avatar").dataset.face === String(face)) return;
  $("room-avatar").dataset.face = String(face);
  $("room-avatar").replaceChildren(avatar(...face));
}

/** A message that was found: the address keeps only the room, so that it can be found again. */
async function show(message) {
  history.replaceState(null, "", `#${withChange({ message: null })}`);
  if (!(await conversation.jump(message))) composer.complain("This message is not there any more.");
}

function hurry() {
  room?.hurry();
  bell.hurry();
}

function showState() {
  const words = { connecting: "Connecting…", waiting: "No connection. Trying again…" };
  $("connection").textContent = words[room.state] ?? "";
  $("room-about").hidden = $("connection").textContent !== "";
  $("ended").hidden = room.state !== "ended";
  $("composer").hidden = room.state === "ended";
  $("ended").textContent = room.ended ? (ENDED[room.ended.code] ?? room.ended.reason) : "";
  if (room.state === "open") meet(room.id);
  if (room.state === "ended") rooms.renew();
  if (room.ended?.code === 4001) showEntry(ENDED[4001]);
}

function announce(message) {
  if (isMine(message)) return;
  const words = message.text || message.attachments.map((file) => file.file_name).join(", ");
  $("announcer").textContent = `${people.nameIn(room.id, message.sender_id)}: ${words}`;
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
addEventListener("online", hurry);
addEventListener("beforeunload", (event) => {
  const isSilent = [...known.values()].every((each) => each.outgoing.length === 0);
  if (!isSilent) event.preventDefault(); // something is still to be sent
});
document.addEventListener("visibilitychange", () => {
  hurry();
  showWho();
});
bell.addEventListener("state", () => {
  if (bell.state === "ended" && bell.ended.code === 4001) showEntry(ENDED[4001]);
});
rooms.addEventListener("renewed", () => {
  people.me = site.me;
  people.learn(rooms.items);
  showWho();
  details.show();
  if (room) conversation.render(); // some may have names by now
});
rooms.addEventListener("locked", () => showEntry(ENDED[4001]));
$("about").addEventListener("click", () => details.open(site, room.id));
setInterval(showWho, MINUTE);
arrive().then(() => rooms.renew());
