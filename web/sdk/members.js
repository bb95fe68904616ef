/** @param {unknown} a @param {unknown} b */
export const isSameUser = (a, b) => String(a) === String(b);

/**
 * @param {import("./types.js").Member[]} members
 * @param {import("./types.js").UserId} user
 * @param {Partial<import("./types.js").Member>} presence
 */
export const met = (members, user, presence) =>
  members.map((one) => (isSameUser(one.user_id, user) ? { ...one, ...presence } : one));

/**
 * Whether a room is the one with somebody about something.
 * @param {import("./types.js").RoomInfo} room
 * @param {{ user: import("./types.js").UserId, context: string }} peer
 */
export function isWith({ context, members }, peer) {
  return context === peer.context && members.length < 3 && members.some((one) => isSameUser(one.user_id, peer.user));
}
