/** The files of languages, and the strings that a closed launcher and a badge need without the views. */

/** The languages that have a file of their own, other than English. */
const LANGUAGES = "ar cs de es fa fr he it ja ko nl pl pt-BR ro tr uk zh-Hans".split(" ");
/** @type {Record<string, any>} */
const SHORT = { chats: "Messages", count: { one: "{n} unread message", other: "{n} unread messages" }, close: "Close", tag: "en" };

/** The language that fits a tag: there is one file of each, else it is English. @param {string} tag */
export function languageFor(tag) {
  if (/^zh-(hant|tw|hk|mo)\b/i.test(tag)) return "en";
  const [language] = tag.toLowerCase().split("-");
  return LANGUAGES.find((each) => each.split("-")[0] === language) ?? "en";
}

/** The strings of the language that fits a tag; null: those inside, in English. @param {string} tag @param {"" | "-menu"} [part] @returns {Promise<Record<string, any> | null>} */
export async function stringsFor(tag, part = "") {
  const language = languageFor(tag);
  const found = language !== "en" && (await import(new URL(`./lang/${language}${part}.js`, import.meta.url).href).catch(() => null));
  return found ? { ...found.default, tag: language } : null;
}

/** What is said before the views are there. @param {string} tag @param {(strings: Record<string, any>) => void} say */
export function sayShortly(tag, say) {
  void stringsFor(tag).then((strings) => say(strings ?? SHORT));
}

/** "3 unread messages" @param {Record<string, any>} strings @param {number} n */
export function countOf({ count, tag }, n) {
  return (count[new Intl.PluralRules(tag).select(n)] ?? count.other).replace("{n}", new Intl.NumberFormat(tag).format(n));
}
