/**
 * The words of the elements: strings of one language, plurals, and dates and numbers in that language.
 *
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Phrase
 * @typedef {Record<string, Phrase>} Strings
 */

import { english } from "../lang/en.js";

/** The languages that have a file of their own, other than English. */
const LANGUAGES = "ar cs de es fa fr he it ja ko nl pl pt-BR ro tr uk zh-Hans".split(" ");
const DAY = 86_400_000;

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

/**
 * The file that fits a language tag best: its own, that of its language, or English.
 * @param {string} tag
 */
export function languageFor(tag) {
  const [language = "", region = ""] = tag.toLowerCase().split("-");
  const exact = LANGUAGES.find((each) => each.toLowerCase() === tag.toLowerCase());
  if (exact) return exact;
  if (language === "zh" && /^(hant|tw|hk|mo)$/.test(region)) return "en";
  return LANGUAGES.find((each) => each.split("-")[0].toLowerCase() === language) ?? "en";
}

/** Strings and formats for one language; `tag` may name a region, which only the formats use. */
export class Words {
  /**
   * @param {string} tag the language of the element
   * @param {Strings} strings those of the language
   * @param {Strings} [own] what the site says instead
   */
  constructor(tag, strings, own = {}) {
    this.tag = tag;
    this.strings = { ...english, ...strings, ...own };
    this.plurals = new Intl.PluralRules(tag);
    this.numbers = new Intl.NumberFormat(tag);
    const format = (/** @type {Intl.DateTimeFormatOptions} */ options) =>
      new Intl.DateTimeFormat(tag, options);
    this.clock = format({ hour: "numeric", minute: "2-digit" });
    this.short = format({ day: "numeric", month: "short" });
    this.near = format({ weekday: "long", day: "numeric", month: "long" });
    this.far = format({ day: "numeric", month: "long", year: "numeric" });
    this.full = format({ dateStyle: "full", timeStyle: "medium" });
    this.relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "short" });
    this.days = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
    this.lists = new Intl.ListFormat(tag, { type: "conjunction" });
  }

  /** @returns {"ltr" | "rtl"} */
  get direction() {
    return /^(ar|fa|he|ur)\b/.test(this.tag) ? "rtl" : "ltr";
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
    return forms[this.plurals.select(n)] ?? forms.other ?? "";
  }

  /** @param {string | number | undefined} value */
  #shown(value) {
    return typeof value === "number" ? this.numbers.format(value) : (value ?? "");
  }

  /** What a refusal means to the user. @param {string} code @param {{ max_size?: number }} [limits] */
  reason(code, limits) {
    return this.say(REASONS[code] ?? "failed", { size: this.size(limits?.max_size ?? 0) });
  }

  /** "Anna, Bob and Carl", as the language joins names. @param {string[]} names */
  list(names) {
    return this.lists.format(names);
  }

  /** "14:05" @param {Date} date */
  time(date) {
    return this.clock.format(date);
  }

  /** "Today", "Yesterday", "Monday, 3 May", "3 May 2024" @param {Date} date */
  day(date) {
    const age = daysAgo(date);
    if (age === 0 || age === 1) return capital(this.days.format(-age, "day"), this.tag);
    return (date.getFullYear() === new Date().getFullYear() ? this.near : this.far).format(date);
  }

  /** A time of today, a day of any other. @param {Date} date */
  brief(date) {
    return daysAgo(date) === 0 ? this.time(date) : this.short.format(date);
  }

  /** "5 min. ago", "14:05", "yesterday, 14:05", "3 May" @param {Date} date */
  ago(date) {
    const minutes = Math.floor((Date.now() - date.getTime()) / 60_000);
    if (minutes < 60) return this.relative.format(-Math.max(minutes, 0), "minute");
    const age = daysAgo(date);
    if (age === 0) return this.time(date);
    if (age === 1) return `${this.days.format(-1, "day")}, ${this.time(date)}`;
    return this.short.format(date);
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
 * The words of a language, with what the site says instead. A language without a file is shown in
 * English, dates included.
 * @param {string} tag
 * @param {Strings} own
 */
export async function wordsFor(tag, own) {
  const file = languageFor(tag);
  if (file === "en") return new Words(/^en\b/i.test(tag) ? tag : "en", {}, own);
  const loaded = await import(new URL(`./lang/${file}.js`, import.meta.url).href).catch(() => null);
  return loaded ? new Words(tag, loaded.default, own) : new Words("en", {}, own);
}
