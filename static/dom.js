/** Small words for building a page: only nodes and text, never markup made of data. */

const LEAD = 12; // characters before a word that was found, where a line has no room for more

export const $ = (id) => document.getElementById(id);

/** An element: properties where it has them, attributes otherwise. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A drawing of index.html; with a label it is a picture to a screen reader, without it is none. */
export function icon(name, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("class", `icon ${name}`);
  if (label) svg.setAttribute("role", "img");
  svg.setAttribute(label ? "aria-label" : "aria-hidden", label ?? "true");
  svg.append(use);
  return svg;
}

/** A person's picture, or the initials on one of eight colours; with a dot where they are online. */
export function avatar(name, picture, isOnline = false) {
  const round = h("span", { className: `avatar colour-${colourOf(name)}`, "aria-hidden": "true" });
  const initials = name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "");
  const onerror = () => round.replaceChildren(initials.join("").toUpperCase());
  if (isLink(picture)) round.append(h("img", { src: picture, alt: "", onerror }));
  else onerror();
  const dot = h("span", { className: "dot", role: "img", "aria-label": "online" });
  return h("span", { className: "face" }, round, isOnline ? dot : "");
}

function colourOf(name) {
  return [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % 8;
}

export const isLink = (text) => /^https?:\/\//i.test(text ?? "");

/** Text with its web addresses as links. */
export function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]])/i).map((part) => {
    if (!isLink(part)) return part;
    return h("a", { href: part, target: "_blank", rel: "noopener noreferrer", textContent: part });
  });
}

/** Text with the words that were looked for marked, from shortly before the first of them. */
export function marked(text, words) {
  const each = words.split(/[^\p{L}\p{M}\p{N}]+/u).filter(Boolean);
  if (!each.length) return [text];
  const parts = text.split(new RegExp(`(${each.join("|")})`, "iu"));
  if (parts[0].length > LEAD && parts.length > 1) parts[0] = `…${parts[0].slice(-LEAD)}`;
  return parts.map((part, i) => (i % 2 ? h("mark", { textContent: part }) : part));
}

const clock = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });
const near = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const far = new Intl.DateTimeFormat([], { day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat([], { day: "numeric", month: "short" });

export const timeOf = (date) => clock.format(date);

export function dayOf(date) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return (date.getFullYear() === today.getFullYear() ? near : far).format(date);
}

/** A time of today, a day of any other. */
export function briefly(date) {
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : short.format(date);
}

/** "5 min ago", "at 14:05", "yesterday at 14:05", "on 3 May". */
export function ago(date) {
  const minutes = Math.floor((Date.now() - date) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const day = dayOf(date);
  if (day === "Today") return `at ${timeOf(date)}`;
  return day === "Yesterday" ? `yesterday at ${timeOf(date)}` : `on ${short.format(date)}`;
}

/** A file's name and size. */
export function fileWords(name, bytes) {
  return h("span", {}, h("b", { textContent: name }), h("small", { textContent: sizeOf(bytes) }));
}

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1 << 20) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / (1 << 20)).toFixed(1)} MB`;
}
