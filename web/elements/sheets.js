/** Style sheets of elements. */

/** @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();
const COLOURS = "light-dark(red, oklch(from red min(l, .5) c h))";

/** A style sheet that all elements share. @param {string} css */
export function sheetOf(css) {
  const known = sheets.get(css);
  if (known) return known;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  sheets.set(css, sheet);
  if (!CSS.supports("color", COLOURS)) import("./lazy-colours.js").then(({ plain }) => sheet.replaceSync(plain(css)), () => {}); // without it some colours are missing
  return sheet;
}

/** The style of a part that was loaded later. @param {ShadowRoot} root @param {string} css */
export function addSheet(root, css) {
  const sheet = sheetOf(css);
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}
