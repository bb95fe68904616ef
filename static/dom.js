/** Small words for building a page: only nodes and text, never markup made of data. */

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

/** A person's picture, or the initials on one of eight colours. */
export function avatar(name, picture) {
  const round = h("span", { className: `avatar colour-${colourOf(name)}`, "aria-hidden": "true" });
  const initials = name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "");
  const onerror = () => round.replaceChildren(initials.join("").toUpperCase());
  if (isLink(picture)) round.append(h("img", { src: picture, alt: "", onerror }));
  else onerror();
  return round;
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

/** A file's name and size. */
export function fileWords(name, bytes) {
  return h("span", {}, h("b", { textContent: name }), h("small", { textContent: sizeOf(bytes) }));
}

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1 << 20) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / (1 << 20)).toFixed(1)} MB`;
}
