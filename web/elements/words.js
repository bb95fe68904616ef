/**
 * The words of the elements: strings of one language, plurals, and dates and numbers in that language.
 *
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Phrase
 * @typedef {Record<string, Phrase>} Strings
 */

import { english } from "../lang/en.js";

const DAY = 86_400_000;
const OWN_DIGITS = /^(ar|fa)\b/; // of the languages with strings

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
  lost: "offline",
  timeout: "offline",
  unauthenticated: "signedOut",
});

/** @param {Intl.DateTimeFormatOptions} options */
const dateFormat = (options) => (/** @type {string} */ tag) => new Intl.DateTimeFormat(tag, options);

/** The formats of a language. Each is made with its first use, since that takes milliseconds on a phone. */
const FORMATS = /** @type {Record<string, (tag: string) => any>} */ ({
  plurals: (tag) => new Intl.PluralRules(tag),
  numbers: (tag) => new Intl.NumberFormat(tag),
  clock: dateFormat({ timeStyle: "short" }),
  short: dateFormat({ day: "numeric", month: "short" }),
  near: dateFormat({ weekday: "long", day: "numeric", month: "long" }),
  far: dateFormat({ day: "numeric", month: "long", year: "numeric" }),
  full: dateFormat({ dateStyle: "full", timeStyle: "medium" }),
  relative: (tag) => new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "short" }),
  lists: (tag) => new Intl.ListFormat(tag, { type: "conjunction" }),
});

/** Strings and formats for one language; `tag` may name a region, which only the formats use. */
export class Words {
  /** @type {Record<string, any>} */
  #formats = {};

  /**
   * @param {string} tag the language of the element
   * @param {Strings} strings those of the language
   * @param {Strings} [own] what the site says instead
   */
  constructor(tag, strings, own = {}) {
    this.tag = tag;
    this.strings = { ...english, ...strings, ...own };
  }

  /** The strings of what is loaded later, where the language has none of its own. @param {Strings} later */
  learn(later) {
    this.strings = { ...later, ...this.strings };
  }

  /** @param {string} name */
  #format(name) {
    return (this.#formats[name] ??= FORMATS[name](this.tag));
  }

  /**
   * The string of a key with its values filled in; `n` chooses the plural form.
   * @param {string} key
   * @param {Record<string, string | number>} [values]
   */
  say(key, values = {}) {
    const phrase = this.strings[key] ?? key;
    const form = typeof phrase === "string" ? phrase : this.#plural(phrase, Number(values.n));
    return form.replace(/\{(\w+)\}/g, (_, name) => this.#shown(values[name]));
  }

  /** @param {Partial<Record<Intl.LDMLPluralRule, string>>} forms @param {number} n */
  #plural(forms, n) {
    const which = /** @type {Intl.LDMLPluralRule} */ (this.#format("plurals").select(n));
    return forms[which] ?? forms.other ?? "";
  }

  /** @param {string | number | undefined} value */
  #shown(value) {
    return typeof value === "number" ? this.number(value) : (value ?? "");
  }

  /** What a refusal means to the user. @param {string} code @param {{ max_size?: number }} [limits] */
  reason(code, limits) {
    return this.say(REASONS[code] ?? "failed", { size: this.size(limits?.max_size ?? 0) });
  }

  /** A number in the digits of the language. Its format takes a phone 150 ms to make: small numbers need none. @param {number} value @returns {string} */
  number(value) {
    if (value < 1_000 && !OWN_DIGITS.test(this.tag)) return String(value);
    return this.#format("numbers").format(value);
  }

  /** A date and a time, whole. @param {Date} date @returns {string} */
  full(date) {
    return this.#format("full").format(date);
  }

  /** "Anna, Bob and Carl", as the language joins names. @param {string[]} names */
  list(names) {
    if (names.length < 2) return names.join(); // the first list of a language costs a phone 50 ms
    return this.#format("lists").format(names);
  }

  /** "14:05" @param {Date} date */
  time(date) {
    return this.#format("clock").format(date);
  }

  /** "Today", "Yesterday", "Monday, 3 May", "3 May 2024" @param {Date} date */
  day(date) {
    const age = daysAgo(date);
    if (age === 0 || age === 1) return capital(this.say(age ? "yesterday" : "today"), this.tag);
    return this.#format(date.getFullYear() === new Date().getFullYear() ? "near" : "far").format(date);
  }

  /** A time of today, a day of any other. @param {Date} date */
  brief(date) {
    return daysAgo(date) === 0 ? this.time(date) : this.#format("short").format(date);
  }

  /** "5 min. ago", "14:05", "yesterday, 14:05", "3 May" @param {Date} date */
  ago(date) {
    const minutes = Math.floor((Date.now() - date.getTime()) / 60_000);
    if (minutes < 60) return this.#format("relative").format(-Math.max(minutes, 0), "minute");
    const age = daysAgo(date);
    if (age === 0) return this.time(date);
    if (age === 1) return `${this.say("yesterday")}, ${this.time(date)}`;
    return this.#format("short").format(date);
  }

  /** "68 bytes", "12 kB", "3.4 MB" @param {number} bytes */
  size(bytes) {
    const [value, unit] =
      bytes < 1024 ? [bytes, "byte"] : bytes < 1 << 20 ? [bytes / 1024, "kilobyte"] : [bytes / (1 << 20), "megabyte"];
    const style = { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: value < 10 ? 1 : 0 };
    return new Intl.NumberFormat(this.tag, /** @type {Intl.NumberFormatOptions} */ (style)).format(value);
  }
}

/** Whole calendar days between a date and today. @param {Date} date */
function daysAgo(date) {
  const midnight = (/** @type {Date} */ day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(date)) / DAY);
}

/** @param {string} text @param {string} tag */
function capital(text, tag) {
  const [first = "", ...rest] = text;
  return first.toLocaleUpperCase(tag) + rest.join("");
}

/**
 * The words of a language, with what the site says instead. A language without strings is shown in
 * English, dates included.
 * @param {string} tag
 * @param {Strings | null} strings
 * @param {Strings} [own]
 */
export function wordsOf(tag, strings, own = {}) {
  return new Words(strings || /^en\b/i.test(tag) ? tag : "en", strings ?? {}, own);
}
