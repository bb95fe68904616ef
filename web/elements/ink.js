/** Black or white, whichever can be read on a colour. @param {string} name of a custom property */
export function inkOn(name) {
  return `color(from var(${name}) xyz-d65 clamp(0, (.179 - y) * 9999, .9505) clamp(0, (.179 - y) * 9999, 1) clamp(0, (.179 - y) * 9999, 1.089))`;
}
