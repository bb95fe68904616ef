/** Names: of members, of rooms, and of what was said last. */

/**
 * @typedef {{ user_id: number | string, name: string | null, picture: string | null, online: boolean, last_seen: string | null }} Member
 */

/** Whether two ids name the same user. @param {unknown} a @param {unknown} b */
export function isSame(a, b) {
  return a !== null && a !== undefined && String(a) === String(b);
}

/** @param {any} room @param {unknown} user @returns {Member | undefined} */
export function memberOf(room, user) {
  return room?.members?.find((/** @type {Member} */ member) => isSame(member.user_id, user));
}

/** The name of a member; an id is never shown in its place. @param {any} room @param {unknown} user @param {any} words */
export function nameOf(room, user, words) {
  return memberOf(room, user)?.name || words.say("someone");
}

/** Whether a room has more than two members, or a title given by people. @param {any} room */
export function isGroup(room) {
  return (room?.members?.length ?? 0) > 2;
}

/** The other members of a room. @param {any} room @param {unknown} me @returns {Member[]} */
export function othersIn(room, me) {
  return (room?.members ?? []).filter((/** @type {Member} */ member) => !isSame(member.user_id, me));
}

/** The other member, where there is one. @param {any} room @param {unknown} me @returns {Member | null} */
export function partnerIn(room, me) {
  const others = othersIn(room, me);
  return others.length === 1 ? others[0] : null;
}

/** The title of a room: its own, or the names of the others. @param {any} room @param {unknown} me @param {any} words */
export function titleOf(room, me, words) {
  if (room?.title) return room.title;
  if (!room?.members?.length) return ""; // not known yet
  const names = othersIn(room, me).map((member) => member.name || words.say("someone"));
  return names.length ? words.list(names.slice(0, 4)) : words.say("you");
}

/**
 * What a message says in one line: its text, or what its files are.
 * @param {{ text?: string | null, content?: string | null, attachments?: any[], files?: any[] }} message
 * @param {any} words
 */
export function summaryOf(message, words) {
  const text = message.text || message.content;
  if (text) return text.replace(/\s+/g, " ");
  const files = message.attachments ?? message.files ?? [];
  const isPicture = (/** @type {any} */ file) => /^image\//.test(file.content_type ?? file.type ?? "");
  if (files.length && files.every(isPicture)) return words.say("photo", { n: files.length });
  if (files.length === 1) return files[0].file_name ?? files[0].name;
  return words.say("file", { n: files.length || 1 });
}
