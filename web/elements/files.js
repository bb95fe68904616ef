/** Files as they are shown wherever they stand: which are pictures, and what they are called. */

import { addDrawings, h } from "./dom.js";
import { sizeIn } from "./later-words.js";

addDrawings({ file: "M7 3h7l5 5v13H7zM14 3v5h5" });

const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

/** @type {WeakMap<object, string>} */
const previews = new WeakMap();

/** Whether browsers show this type as a picture. @param {string | undefined} type */
export function isPicture(type) {
  return PICTURES.has(type ?? "");
}

/** A picture from the writer's own disk, shown while it is on its way. @param {Blob} file */
export function previewOf(file) {
  const found = previews.get(file) ?? URL.createObjectURL(file);
  previews.set(file, found);
  return found;
}

/** A name and a size. @param {string} name @param {number} size @param {any} words @param {string} [trouble] */
export function fileLabel(name, size, words, trouble) {
  return h("span", {}, h("b", {}, h("bdi", {}, name)), h("small", {}, trouble || sizeIn(words, size)));
}
