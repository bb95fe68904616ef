/** Simple formatting of texts: **bold**, *italic*, ~~struck~~, `code`. Only where the site turns it on. */

import { h } from "./dom.js";

const MARKS = /```([^]+?)```|`([^`\n]+)`|\*\*([^*\n]+)\*\*|~~([^~\n]+)~~|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<!\w)_([^_\n]+)_(?!\w)/u;
const TAGS = /** @type {const} */ (["code", "code", "strong", "s", "em", "em"]);

/**
 * The nodes of a text with its marks.
 * @param {string} text
 * @param {(text: string) => (Node | string)[]} plain the nodes of a part without marks
 * @returns {(Node | string)[]}
 */
export function formatted(text, plain) {
  const marked = MARKS.exec(text);
  if (!marked) return plain(text);
  const kind = marked.slice(1).findIndex((part) => part !== undefined);
  const inner = marked[kind + 1];
  const node = h(TAGS[kind], kind === 0 ? { className: "block" } : {});
  node.append(...(kind < 2 ? [inner] : formatted(inner, plain)));
  return [...plain(text.slice(0, marked.index)), node, ...formatted(text.slice(marked.index + marked[0].length), plain)];
}
