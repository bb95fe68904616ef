/** The strings that a closed launcher and a badge need, without loading the views. */

/** @type {Record<string, any>} */
const SHORT = { chats: "Messages", count: { one: "{n} unread message", other: "{n} unread messages" }, close: "Close", tag: "en" };
const WITH_FILE = "ar cs de es fa fr he it ja ko nl pl pt-BR ro tr uk zh-Hans".split(" ");

/** Those of the file that fits a language tag, else English. @param {string} tag @returns {Promise<Record<string, any>>} */
export async function stringsFor(tag) {
  const language = tag.split("-")[0].toLowerCase();
  const file = WITH_FILE.find((each) => each === tag) ?? WITH_FILE.find((each) => each.split("-")[0] === language);
  if (!file) return SHORT;
  const found = await import(new URL(`./lang/${file}.js`, import.meta.url).href).catch(() => null);
  return found ? { ...found.default, tag: file } : SHORT;
}

/** "3 unread messages" @param {Record<string, any>} strings @param {number} n */
export function countOf({ count, tag }, n) {
  return (count[new Intl.PluralRules(tag).select(n)] ?? count.other).replace("{n}", new Intl.NumberFormat(tag).format(n));
}
