/**
 * Style sheets for browsers without `light-dark()` (Safari before 17.5) or without colours that are made
 * of others (Safari before 18, Firefox before 128). No other browser loads this.
 */

// oklch(from var(--accent) .96 min(c, .006) h): a lightness of our own, and at most this chroma
const TINT = /oklch\(from (var\(--[\w-]+\)) (?:m\w+\(l, ?)?([.\d]+)\)? (?:c|min\(c, ?([.\d]+)\)) h\)/g;
const INK = /color\(from var\(--[\w-]+\) xyz-d65 [^;}]*?1\.089\)\)/g;
const USUAL_CHROMA = 0.09; // of the default accent
const EITHER = "light-dark(";
const IS_LIGHT = "{ --when-light: initial; --when-dark: ; }"; // var(--when-light, #fff) is #fff or nothing
const IS_DARK = "{ --when-light: ; --when-dark: initial; }";
const SCHEMES = `:host ${IS_LIGHT}\n@media (prefers-color-scheme: dark) { :host ${IS_DARK} }\n:host([theme=light]) ${IS_LIGHT}\n:host([theme=dark]) ${IS_DARK}\n`;

/** The same style sheet in older terms. @param {string} css */
export function plain(css) {
  const tinted = css.replace(TINT, (_, origin, light, most) => tint(origin, light, Number(most ?? USUAL_CHROMA)));
  return SCHEMES + chosen(tinted.replace(INK, "#fff"));
}

/**
 * The hue of a colour in another lightness. `none` takes the value of the other colour that is mixed.
 * @param {string} origin
 * @param {string} light
 * @param {number} most chroma, for an accent of the usual chroma
 */
function tint(origin, light, most) {
  const share = Math.min(100, Math.round((most / USUAL_CHROMA) * 100));
  return `color-mix(in oklab, color-mix(in oklch, oklch(${light} none none) 99%, ${origin}) ${share}%, oklch(${light} 0 0))`;
}

/** Each pair of colours becomes two of which one is empty. @param {string} css @returns {string} */
function chosen(css) {
  const [before, ...rest] = css.split(EITHER);
  return before + rest.map(pair).join("");
}

/** @param {string} rest what follows the opening bracket of a pair */
function pair(rest) {
  let depth = 0;
  let middle = 0;
  for (let at = 0; at < rest.length; at++) {
    if (rest[at] === "(") depth++;
    else if (rest[at] === ")" && !depth--) {
      return `var(--when-light, ${rest.slice(0, middle)}) var(--when-dark, ${rest.slice(middle + 1, at)})${rest.slice(at + 1)}`;
    } else if (rest[at] === "," && !depth && !middle) middle = at;
  }
  return EITHER + rest;
}
