/** Files of messages: pictures as an album, everything else as a card. */

import { h, icon, isWeb } from "./dom.js";
import { fileLabel, isPicture, previewOf } from "./files.js";

const ALBUM = 4; // pictures of an album; what is above them is in the lightbox

const MAX_SHOWN = 360; // CSS pixels of the longer side of a picture in the conversation, at most
const MAX_RATIO = 3; // times as long as wide: a square of an album would show a piece of it
const MIN_TILE = 90; // pixels: a square of an album would show it blown up
const THUMBNAILS = [360, 720, 1080]; // of the thumbnails that the server makes

/** The address of a picture as small as it is shown; the server sends the file where that is smaller. @param {any} file */
export function thumbnailOf({ file_url, content_type, width, height }) {
  const size = THUMBNAILS.find((each) => each >= MAX_SHOWN * devicePixelRatio) ?? 1080;
  const isSmall = Math.max(width, height) <= size || !/png|jpeg|webp/.test(content_type);
  return isSmall || !isWeb(file_url) ? file_url : `${file_url}&size=${size}`;
}

/**
 * The files of a stored message.
 * @param {any} message
 * @param {any} history
 * @returns {HTMLElement[]}
 */
export function fileNodes(message, history) {
  const pictures = message.attachments.filter((/** @type {any} */ file) => isPicture(file.content_type));
  const others = message.attachments.filter((/** @type {any} */ file) => !isPicture(file.content_type));
  const first = pictures.length > ALBUM ? ALBUM : pictures.length;
  const nodes = pictures.slice(0, first).map((/** @type {any} */ file, /** @type {number} */ i) => {
    const hidden = i === first - 1 ? pictures.length - first : 0;
    return storedPicture(file, { message, history, hidden, open: (/** @type {HTMLElement} */ from) => history.look(pictures, i, from) });
  });
  return [...nodes, ...others.map((/** @type {any} */ file) => storedCard(file, history))];
}

/** @param {any} file @param {any} about */
function storedPicture(file, { message, history, hidden, open }) {
  const { words } = history;
  const broken = () => history.linkBroken(message.message_id);
  const { width, height } = file;
  const size = width && height ? { width, height, style: `--fit: min(${width}px, ${(22 * width) / height}rem)` } : {};
  const look = { alt: file.file_name || words.say("photo", { n: 1 }), loading: "lazy", decoding: "async" };
  const isWhole = Math.max(width / height, height / width) > MAX_RATIO || Math.max(width, height) < MIN_TILE;
  const picture = h("img", { ...look, ...size, className: isWhole ? "whole" : "", src: isWeb(file.file_url) ? thumbnailOf(file) : undefined, onerror: broken });
  const more = hidden ? h("span", { className: "more-pictures", dir: "ltr" }, `+${words.number(hidden)}`) : null;
  const does = (/** @type {Event} */ event) => open(/** @type {HTMLElement} */ (event.currentTarget));
  return h("button", { type: "button", part: "picture", tabIndex: -1, onclick: does }, picture, more);
}

/** Shows the preview, or the picture under its last link, until this one is loaded. @param {HTMLImageElement} picture @param {HTMLImageElement | undefined} before */
export function keepBeneath(picture, before) {
  if (!before?.naturalWidth) return;
  picture.style.background = `center / cover no-repeat url("${before.src}")`;
  picture.addEventListener("load", () => picture.style.removeProperty("background"), { once: true });
}

/** @param {any} file @param {any} history */
function storedCard(file, history) {
  const open = () => {
    if (isWeb(file.file_url) && history.host.emit("file", { file }, true)) window.open(file.file_url, "_blank", "noopener");
  };
  const label = fileLabel(file.file_name, file.size, history.words);
  return h("button", { type: "button", part: "card", tabIndex: -1, onclick: open }, icon("file"), label);
}

/**
 * The files of a message that is being sent, with their progress.
 * @param {any} outgoing
 * @param {any} history
 * @returns {HTMLElement[]}
 */
export function sendingNodes(outgoing, history) {
  const nodes = (outgoing.files ?? []).map((/** @type {any} */ file) => {
    if (!isPicture(file.type)) return h("span", { part: "card" }, icon("file"), fileLabel(file.name, file.size, history.words));
    return h("span", { part: "picture" }, h("img", { src: previewOf(file), alt: file.name }));
  });
  if (outgoing.state !== "uploading") return nodes;
  const { words } = history;
  const names = words.list(outgoing.files.map((/** @type {any} */ file) => file.name));
  const stop = h("button", { type: "button", className: "link-button", onclick: () => outgoing.item.cancel() }, words.say("cancel"));
  return [...nodes, h("progress", { max: 1, value: outgoing.progress ?? 0, "aria-label": names }), stop];
}
