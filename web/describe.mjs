/**
 * `custom-elements.json` (the manifest of custom elements, schema 1.0.0), taken from the elements:
 * attributes and members from the classes, events, slots, parts and properties of CSS from the sources.
 */

import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "elements");
const METHODS = ["select", "show", "close", "toggle", "send", "insert", "focusComposer", "find", "signOut"];
const FIELDS = [
  "open", "server", "token", "getToken", "session", "user", "unread", "strings", "quickReplies", "actions", "renderers", "linkPolicy",
  "beforeSend",
];
const PARTS_BY_NAME = /\bpart: "([a-z -]+)"|setAttribute\("part", "([a-z -]+)"\)|\bconst EXPORTED\s*=\s*\[([^\]]+)\]/g;

/** All that the pattern captures in the sources, each once. */
const captured = (sources, pattern) =>
  [...new Set([...sources.matchAll(pattern)].flatMap((match) => match.slice(1).filter(Boolean).flatMap((names) => names.match(/[a-z-]+/g) ?? [])))].sort();

/** Everything that the class has, its ancestors' below HTMLElement included. */
function members(Class) {
  const found = [];
  for (let at = Class.prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) found.push(...Object.getOwnPropertyNames(at));
  return new Set(found);
}

function declaration(name, Class, common) {
  const has = members(Class);
  const attributes = [...new Set(Class.observedAttributes)];
  return {
    kind: "class",
    customElement: true,
    name,
    tagName: `roomcast-${name.replace("Roomcast", "").toLowerCase()}`,
    superclass: { name: "HTMLElement" },
    attributes: attributes.map((attribute) => ({ name: attribute })),
    members: [
      ...FIELDS.filter((field) => has.has(field)).map((field) => ({ kind: "field", name: field })),
      ...METHODS.filter((method) => has.has(method)).map((method) => ({ kind: "method", name: method })),
    ],
    ...common,
  };
}

/** The manifest, or null where there are no elements. */
export async function describe() {
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".js"));
  if (!files.includes("index.js")) return null;
  const sources = (await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")))).join("\n");
  const elements = await import(pathToFileURL(join(folder, "index.js")).href);
  const named = (names) => names.map((name) => ({ name }));
  const slots = [...captured(sources, /h\("slot", \{ name: "([a-z-]+)"|slot\.name = "([a-z-]+)"/g), ...captured(sources, /slots = \[([^\]]+)\]/g)];
  const common = {
    events: captured(sources, /\.emit\("([a-z-]+)"/g).map((name) => ({ name: `roomcast-${name}`, type: { text: "CustomEvent" } })),
    slots: named([...new Set(slots.map((name) => name.replaceAll('"', "")))].sort()),
    cssParts: named(captured(sources, PARTS_BY_NAME)),
    cssProperties: named(captured(sources, /(--roomcast-[a-z-]+)\b(?!-)/g)),
  };
  const names = Object.keys(elements).filter((name) => name.startsWith("Roomcast"));
  const declarations = names.map((name) => declaration(name, elements[name], common));
  const exports = declarations.flatMap(({ name, tagName }) => [
    { kind: "js", name, declaration: { name } },
    { kind: "custom-element-definition", name: tagName, declaration: { name } },
  ]);
  const module = { kind: "javascript-module", path: "roomcast.js", declarations, exports };
  return `${JSON.stringify({ schemaVersion: "1.0.0", modules: [module] }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write((await describe()) ?? "");
