/** Style sheets of elements. */

/** @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/** A style sheet that all elements share. @param {string} css */
export function sheetOf(css) {
  const found = sheets.get(css) ?? new CSSStyleSheet();
  if (!sheets.has(css)) found.replaceSync(css);
  sheets.set(css, found);
  return found;
}

/** The style of a part that was loaded later. @param {ShadowRoot} root @param {string} css */
export function addSheet(root, css) {
  const sheet = sheetOf(css);
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}
