/** The keyboard of a phone, which covers the end of a page without making it smaller. */

const ZOOMED = 1.01; // a larger scale: the user has zoomed in, and sees a part of the page

/**
 * Gives what fills the window the height that is left above the keyboard.
 * @param {ShadowRoot} root where the style sheet goes
 * @param {string} selector
 * @param {() => boolean} fills whether it fills the window now
 * @returns {() => void} what ends it
 */
export function stayAbove(root, selector, fills) {
  const view = globalThis.visualViewport;
  const sheet = new CSSStyleSheet();
  const leaving = new AbortController();
  let isFull = false;
  const place = () => {
    const { height, offsetTop, scale } = /** @type {VisualViewport} */ (view);
    const isCovered = scale < ZOOMED && height < document.documentElement.clientHeight - 1;
    isFull = isCovered && (isFull || fills());
    const fit = `block-size: ${height}px !important; max-block-size: none !important; translate: 0 ${offsetTop}px;`;
    sheet.replaceSync(isFull ? `${selector} { ${fit} }` : "");
  };
  for (const name of ["resize", "scroll"]) view?.addEventListener(name, place, { signal: leaving.signal });
  root.adoptedStyleSheets.push(sheet);
  return () => {
    leaving.abort();
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((each) => each !== sheet);
  };
}

/** Whether an element is as tall as the window. @param {Element} element */
export function fillsWindow(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top < 1 && bottom > document.documentElement.clientHeight - 1;
}

/** The lowest point that the user sees, in pixels of the window. */
export function seenEnd() {
  const { offsetTop = 0, height = innerHeight } = globalThis.visualViewport ?? {};
  return offsetTop + height;
}
