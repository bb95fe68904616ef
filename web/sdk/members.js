/**
 * @param {import("./types.js").Member[]} members
 * @param {import("./types.js").UserId} user
 * @param {Partial<import("./types.js").Member>} presence
 */
export const met = (members, user, presence) =>
  members.map((one) => (String(one.user_id) === String(user) ? { ...one, ...presence } : one));
