/** A room that a page shows by two names, its id and who it is with: a part of what is loaded with the calls. */

import { publishMessages, pumpRoom } from "./room-frames.js";

/** @typedef {import("./room.js").Room} Room */

const CALLS = [
  ...["send", "read", "setDraft", "older", "newer", "around", "at", "latest", "refresh", "edit", "delete", "react", "act"],
  ...["typing", "report", "update", "reload", "addMember", "removeMember", "leave", "remove"],
];

/**
 * Shows and does what another model of the same room does, over that one's connection.
 * @param {Room} room
 * @param {Room} leader
 */
export function follow(room, leader) {
  let off = () => {};
  const show = () => {
    room.info = leader.info;
    room._changed();
  };
  for (const name of CALLS) Reflect.set(room, name, (/** @type {any[]} */ ...call) => /** @type {any} */ (leader)[name](...call));
  Object.assign(room, {
    _begin: () => leader._begin(),
    _build: () => leader.snapshot,
    _flush: () => publishMessages(room),
    start: () => (off = leader.subscribe(show)),
    stop: () => off(),
  });
  const emit = leader._emit.bind(leader);
  leader._emit = (name, detail) => {
    emit(name, detail);
    if (name !== "messages") room._emit(name, detail); // it tells of these itself
  };
  handOver(room, leader);
  if (room._isUsed) room.start();
  show();
}

/** What was written by the other name goes out by this one. @param {Room} room @param {Room} leader */
function handOver(room, leader) {
  const { chat, key, _draft: draft, _outgoing: unsent } = room;
  const { text, ...kept } = leader._draft;
  if (draft.text && draft.text !== text) leader.setDraft({ ...kept, ...draft, text: text ? `${text}\n${draft.text}` : draft.text });
  void chat._vault("delete", `draft ${key}`);
  room._outgoing = [];
  for (const one of unsent) one._room = leader;
  leader._outgoing = [...leader._outgoing, ...unsent];
  if (!unsent.length) return;
  leader._begin();
  pumpRoom(leader);
  leader._changed();
}
