/** Every language has every string, its plural forms, and the values that English has. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";

import { languageFor } from "../../web/elements/languages.js";
import { Words } from "../../web/elements/words.js";
import * as parts from "../../web/lang/en.js";

const folder = new URL("../../web/lang/", import.meta.url);
const english = Object.assign({}, ...Object.values(parts));
const files = await readdir(folder);
const names = files.filter((name) => name !== "en.js" && !name.endsWith("-menu.js"));
const valuesIn = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
const formsOf = (phrase) => (typeof phrase === "string" ? [phrase] : Object.values(phrase));

test("each string stands in one part", () => {
  assert.equal(Object.keys(english).length, Object.values(parts).flatMap(Object.keys).length);
});

test("there are eighteen languages, each of two files but for English", () => {
  assert.equal(names.length, 17);
  assert.equal(files.length, 2 * 17 + 1);
});

for (const name of names) {
  const tag = name.replace(".js", "");
  test(`${tag} is whole`, async () => {
    const [first, menu] = await Promise.all([import(new URL(name, folder)), import(new URL(`${tag}-menu.js`, folder))]);
    const strings = { ...first.default, ...menu.default };
    assert.deepEqual(Object.keys(strings).sort(), Object.keys(english).sort());
    assert.deepEqual(Object.keys(menu.default).sort(), Object.keys(parts.menuEnglish).sort());
    const categories = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
    for (const [key, phrase] of Object.entries(strings)) {
      assert.ok(formsOf(phrase).every((form) => form.trim() === form && form), key);
      if (typeof english[key] === "string") {
        assert.deepEqual(valuesIn(phrase), valuesIn(english[key]), key);
      } else {
        assert.deepEqual(categories.filter((category) => !phrase[category]), [], key);
        for (const form of formsOf(phrase)) assert.deepEqual(valuesIn(form).filter((value) => value !== "n"), [], key);
      }
    }
  });
}

test("a time of day is written as the language writes it, after midnight too", () => {
  const written = (tag) => new Words(tag, {}).time(new Date(2026, 0, 1, 0, 5));
  assert.deepEqual(["uk", "de", "es"].map(written), ["00:05", "00:05", "0:05"]);
});

test("French signs of two parts never begin a line", async () => {
  for (const name of ["fr.js", "fr-menu.js"]) {
    const { default: strings } = await import(new URL(name, folder));
    for (const [key, phrase] of Object.entries(strings)) {
      for (const form of formsOf(phrase)) assert.doesNotMatch(form, /(?<!\u00a0)[:;!?]/, key);
    }
  }
});
