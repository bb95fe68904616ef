/** Calendar days. */

const DAY = 86_400_000;

/** Whole calendar days between a date and today. @param {Date} date */
export function daysAgo(date) {
  const midnight = (/** @type {Date} */ day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(date)) / DAY);
}
