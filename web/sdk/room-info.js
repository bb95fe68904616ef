/** What is known of a room beside its messages: a part of what is loaded after the first of them. */

/** @typedef {import("./room.js").Room} Room */

/** What the server leaves out where it is not so. */
const PLAIN = { frozen: false, muted: false, archived: false, marked_unread: false, about: undefined, data: undefined };

/** @param {Room} room @param {import("./types.js").RoomInfo} info */
export function inform(room, info) {
  const whole = { ...PLAIN, ...info };
  room.id = info.room_id;
  room.info = { ...room.info, ...whole };
  const { inbox } = room.chat;
  const item = inbox._list?._items.get(room.id);
  const { unread, last_message } = item ?? whole; // of a row these are told by frames, which may have come before this answer
  inbox._patch(room.id, { ...whole, unread, last_message });
  room._emit("members", { members: info.members });
  room._changed();
}

/** The list and the storage learn which room it is that was found. @param {Room} room */
export function adopt(room) {
  room._isFound = false;
  inform(room, /** @type {import("./types.js").RoomInfo} */ (room.info));
  void adoptDraft(room);
}

/** A room that is found has the draft that was written to it by its id; one that was written before it was made becomes that. @param {Room} room */
async function adoptDraft(room) {
  const { chat, key, _draft: draft } = room;
  if (draft.text) {
    room.setDraft(draft);
    return chat._vault("delete", `draft ${key}`);
  }
  const kept = await chat._vault("get", `draft ${room.id}`);
  if (!kept || room._draft.text) return;
  room._draft = kept;
  chat.inbox._patch(room.id, { draft: kept.text });
  room._changed();
}
