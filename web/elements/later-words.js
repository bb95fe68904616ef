/** Times, sizes and refusals in words, as only what is loaded after the first messages or rows says them. */

import { daysAgo } from "./days.js";

/** Codes of errors, and the strings that tell them to a person. */
const REASONS = /** @type {Record<string, string>} */ ({
  file_type: "badType",
  file_invalid: "badFile",
  file_missing: "badFile",
  file_too_large: "tooBig",
  forbidden: "forbidden",
  not_found: "notFound",
  conflict: "conflict",
  rate_limited: "busy",
});

/** What a refusal means to the user. @param {any} words @param {string | undefined} code @param {{ max_size?: number }} [limits] @returns {string} */
export function reasonOf(words, code, limits) {
  const key = REASONS[code ?? ""];
  return key ? words.say(key, { size: sizeIn(words, limits?.max_size ?? 0) }) : words.reason(code ?? "");
}

/** A date and a time, whole. @param {any} words @param {Date} date @returns {string} */
export function wholeDate(words, date) {
  return words.format("full", (/** @type {string} */ tag) => new Intl.DateTimeFormat(tag, { dateStyle: "full", timeStyle: "medium" })).format(date);
}

/** "5 min. ago", "14:05", "yesterday, 14:05", "3 May" @param {any} words @param {Date} date @returns {string} */
export function ago(words, date) {
  const minutes = Math.floor((Date.now() - date.getTime()) / 60_000);
  if (minutes < 60) return words.format("relative", relativeFormat).format(-Math.max(minutes, 0), "minute");
  return daysAgo(date) === 1 ? `${words.say("yesterday")}, ${words.time(date)}` : words.brief(date);
}

/** @param {string} tag */
function relativeFormat(tag) {
  return new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "short" });
}

/** "68 bytes", "12 kB", "3.4 MB" @param {any} words @param {number} bytes */
export function sizeIn(words, bytes) {
  const [value, unit] =
    bytes < 1024 ? [bytes, "byte"] : bytes < 1 << 20 ? [bytes / 1024, "kilobyte"] : [bytes / (1 << 20), "megabyte"];
  const style = { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: value < 10 ? 1 : 0 };
  return new Intl.NumberFormat(words.tag, /** @type {Intl.NumberFormatOptions} */ (style)).format(value);
}
