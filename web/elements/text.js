/** Texts of messages: their links, drawn after the first messages. */

import { h } from "./dom.js";

const BIDI = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;
const DOMAINS = "com|net|org|io|dev|app|eu|info|shop|co|uk|de|fr|es|it|nl|pl|tr|cz|ro|ua|ru|il|ir|jp|cn|kr|br|at|ch|be|se|no|dk|fi|pt|us|ca|au";
const LINKS = new RegExp(
  [
    "(?<web>https?:\\/\\/[^\\s<>\"]+|www\\.[^\\s<>\"]+\\.[^\\s<>\"]+)",
    "(?<mail>(?:mailto:)?[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+)",
    "(?<phone>\\+\\d[\\d ().-]{6,18}\\d)",
    `(?<bare>(?<![\\w@./-])(?:[a-z0-9-]+\\.)+(?:${DOMAINS})(?![\\w-]|\\.\\w)(?:\\/[^\\s<>"]*)?)`,
  ].join("|"),
  "giu",
);

/**
 * The nodes of a text: its addresses become links, other text stays text.
 * @param {string} text
 * @param {{ policy?: (url: string) => boolean, onlink?: (event: Event) => void }} options
 */
export function textNodes(text, { policy, onlink }) {
  /** @type {(Node | string)[]} */
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINKS)) {
    const typed = trimmed(match[0]);
    const href = addressOf(typed, match.groups ?? {});
    if (match.index < end || !href || policy?.(href) === false) continue;
    nodes.push(text.slice(end, match.index));
    const safe = { target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" };
    nodes.push(h("a", { ...safe, href, onclick: onlink, tabIndex: -1, textContent: shown(typed) }));
    end = match.index + typed.length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

/** Without the punctuation that ends a sentence, and without a bracket that was opened before. @param {string} typed */
function trimmed(typed) {
  const count = (/** @type {string} */ sign) => typed.split(sign).length;
  for (;;) {
    const last = typed.at(-1) ?? "";
    const isLoose = { ")": count("(") < count(")"), "]": count("[") < count("]"), "}": count("{") < count("}") };
    if (/[.,;:!?'"»”’*_~]/.test(last) || isLoose[/** @type {")"} */ (last)]) typed = typed.slice(0, -1);
    else return typed;
  }
}

/** @param {string} typed @param {Record<string, string | undefined>} kind */
function addressOf(typed, kind) {
  if (kind.mail) return /^mailto:/i.test(typed) ? typed : `mailto:${typed}`;
  if (kind.phone) return `tel:${typed.replace(/[^+\d]/g, "")}`;
  const href = /^https?:/i.test(typed) ? typed : `https://${typed}`;
  return URL.canParse(href) ? href : "";
}

/** What a link shows: no signs that turn its direction, and punycode where scripts are mixed. @param {string} typed */
function shown(typed) {
  const plain = typed.replace(BIDI, "");
  const [, host = ""] = /^(?:https?:\/\/)?([^/?#]+)/i.exec(plain) ?? [];
  const isMixed = /[a-z]/i.test(host.replace(/\.[a-z]+$/i, "")) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(host);
  return isMixed && URL.canParse(`https://${host}`) ? plain.replace(host, new URL(`https://${host}`).host) : plain;
}
