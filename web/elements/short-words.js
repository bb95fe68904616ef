/** The two strings that a closed launcher and a badge need, without loading the views. */

/** @type {Record<string, any>} */
const SHORT = { chats: "Messages", count: { one: "{n} unread message", other: "{n} unread messages" }, close: "Close" };
const WITH_FILE = "ar cs de es fa fr he it ja ko nl pl pt-BR ro tr uk zh-Hans".split(" ");

/** @type {Map<string, Promise<any>>} */
const loading = new Map();

/** @param {string} tag */
export async function stringsFor(tag) {
  const language = tag.split("-")[0].toLowerCase();
  const file = WITH_FILE.find((each) => each === tag) ?? WITH_FILE.find((each) => each.split("-")[0] === language);
  const strings = file ? await load(file) : SHORT;
  const rules = new Intl.PluralRules(file ?? "en");
  const numbers = new Intl.NumberFormat(tag);
  const plural = (/** @type {string} */ key, /** @type {number} */ n) => {
    const forms = strings[key];
    return String(forms[rules.select(n)] ?? forms.other).replace("{n}", numbers.format(n));
  };
  return { strings, plural };
}

/** @param {string} file */
function load(file) {
  const url = new URL(`./lang/${file}.js`, import.meta.url).href;
  const found = loading.get(file) ?? import(url).then((module) => module.default, () => SHORT);
  loading.set(file, found);
  return found;
}
