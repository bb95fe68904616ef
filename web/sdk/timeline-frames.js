/** What single changes do to the messages of a room: a part of what is loaded after the first of them. */

/** @typedef {import("./timeline.js").Timeline} Timeline */

/** @param {Timeline} timeline @param {any} frame of a connection, but for `sync` */
export function applyFrame(timeline, frame) {
  if (frame.version > timeline.cursor) timeline.cursor = frame.version;
  if (timeline.pages) timeline.log.push(frame);
  changeMessages(timeline, frame);
}

/** @param {Timeline} timeline @param {any} frame */
export function changeMessages(timeline, frame) {
  const { type, message_id, message, reactions, version } = frame;
  if (type === "chat_message") timeline._add(message);
  else if (type === "message_edited") replace(timeline, message_id, message);
  else if (type === "message_reacted") replace(timeline, message_id, { reactions, version });
  else if (type === "message_deleted") timeline._remove(message_id);
  else if (type === "receipt") timeline.receipts.set(String(frame.user_id), frame);
}

/** @param {Timeline} timeline @param {number} id @param {any} change with its version */
function replace({ messages }, id, change) {
  const known = messages.get(id);
  if (known && known.version <= change.version) messages.set(id, Object.freeze({ ...known, ...change }));
}
