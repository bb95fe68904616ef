/**
 * The words of the elements: strings of one language, plurals, and dates and numbers in that language.
 *
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Phrase
 * @typedef {Record<string, Phrase>} Strings
 */

import { english } from "../lang/en.js";
import { daysAgo } from "./days.js";

const OWN_DIGITS = /^(ar|fa)\b/; // of the languages with strings

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

  /** A format of the language. @param {string} name @param {(tag: string) => any} make */
  format(name, make = FORMATS[name]) {
    return (this.#formats[name] ??= make(this.tag));
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
    const which = /** @type {Intl.LDMLPluralRule} */ (this.format("plurals").select(n));
    return forms[which] ?? forms.other ?? "";
  }

  /** @param {string | number | undefined} value */
  #shown(value) {
    return typeof value === "number" ? this.number(value) : (value ?? "");
  }

  /** Why the list can't be shown; other refusals are told by what is loaded later. @param {string} code */
  reason(code) {
    return this.say(code === "unauthenticated" ? "signedOut" : /^(lost|timeout)$/.test(code) ? "offline" : "failed");
  }

  /** A number in the digits of the language. Its format takes a phone 150 ms to make: small numbers need none. @param {number} value @returns {string} */
  number(value) {
    if (value < 1_000 && !OWN_DIGITS.test(this.tag)) return String(value);
    return this.format("numbers").format(value);
  }

  /** "Anna, Bob and Carl", as the language joins names. @param {string[]} names */
  list(names) {
    if (names.length < 2) return names.join(); // the first list of a language costs a phone 50 ms
    return this.format("lists").format(names);
  }

  /** "14:05" @param {Date} date */
  time(date) {
    return this.format("clock").format(date);
  }

  /** "Today", "Yesterday", "Monday, 3 May", "3 May 2024" @param {Date} date */
  day(date) {
    const age = daysAgo(date);
    if (age === 0 || age === 1) return capital(this.say(age ? "yesterday" : "today"), this.tag);
    return this.format(date.getFullYear() === new Date().getFullYear() ? "near" : "far").format(date);
  }

  /** A time of today, a day of any other. @param {Date} date */
  brief(date) {
    return daysAgo(date) === 0 ? this.time(date) : this.format("short").format(date);
  }
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
