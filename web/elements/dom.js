/** Building blocks of the views: elements, drawings and avatars, made of nodes and text alone. */

const SVG = "http://www.w3.org/2000/svg";

/** Paths on a field of 24 by 24, drawn with a line. @type {Record<string, string>} */
const DRAWINGS = {
  back: "M15 5l-7 7 7 7",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2",
  tick: "M5 12.5l4.5 4.5L19 7.5",
  ticks: "M2 12.5l4.5 4.5L16 7.5M11.5 16l1 1L22 7.5",
  mute: "M6 17h12c-1.5-1.5-2-3-2-6a4 4 0 0 0-8 0c0 3-.5 4.5-2 6M4 4l16 16",
  chat: "M4 5h16v11H9l-5 4z",
};

/**
 * An element: properties where it has them, `on…` as listeners, attributes otherwise.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
  return element;
}

/** Replaces what an element contains. @param {Element} element @param {...(Node | string | null | undefined | false)} children */
export function fill(element, ...children) {
  element.replaceChildren(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
}

/** @param {any} element @param {string} name @param {any} value */
function setProperty(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name in element && name !== "part" && name !== "list") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

/** Whether there is a drawing of this name. @param {string | undefined} name @returns {name is string} */
export const isDrawn = (name) => Object.hasOwn(DRAWINGS, name ?? "");

/** Drawings of what is loaded later. @param {Record<string, string>} more */
export function addDrawings(more) {
  Object.assign(DRAWINGS, more);
}

/**
 * A drawing; with a label it is a picture to a screen reader, without it is none.
 * @param {string} name
 * @param {string} [label]
 */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWINGS[name]);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon ${name}`);
  if (label) svg.setAttribute("role", "img");
  svg.setAttribute(label ? "aria-label" : "aria-hidden", label ?? "true");
  svg.append(path);
  return svg;
}

/** The sign of a status; a clock for what is not stored yet. @param {string} status @param {any} words */
export function tickOf(status, words) {
  if (status === "send") return icon("tick", words.say("sent"));
  if (status !== "delivered" && status !== "read") return icon("clock", words.say("sending"));
  const sign = icon("ticks", words.say(status));
  sign.classList.add(status);
  return sign;
}

/**
 * A button that shows a drawing and has a name.
 * @param {string} name
 * @param {string} label
 * @param {(event: Event) => void} onclick
 * @param {Record<string, any>} [more]
 */
export function iconButton(name, label, onclick, more = {}) {
  const about = { type: "button", className: "plain", title: label, "aria-label": label, onclick };
  return h("button", { ...about, ...more }, icon(name));
}

/** A name or title whose direction is its own. @param {string} text @param {Record<string, any>} [more] */
export function bdi(text, more = {}) {
  return h("bdi", { ...more, textContent: text });
}

/**
 * A picture of a person, or the initials on one of eight colours.
 * @param {string} name
 * @param {string | null | undefined} picture
 * @param {string} [key] what the colour depends on; a group keeps it when it is renamed
 */
export function avatar(name, picture, key = name) {
  const letters = name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "");
  const initials = () => round.replaceChildren(letters.join("").toUpperCase());
  const round = h("span", { className: `avatar colour-${name.trim() ? colourOf(key) : "none"}`, "aria-hidden": "true" });
  if (isWeb(picture)) round.append(h("img", { src: picture, alt: "", loading: "lazy", onerror: initials }));
  else initials();
  return round;
}

/** One of eight colours. @param {string} key */
export function colourOf(key) {
  return [...key].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973, 7) % 8;
}

/** Whether a value is an absolute web address. @param {unknown} value @returns {value is string} */
export function isWeb(value) {
  return typeof value === "string" && /^https?:\/\//i.test(value);
}

/**
 * Puts nodes into a parent in their order and removes all others; what is in place is not touched,
 * so that focus, selection and scroll positions survive.
 * @param {Element} parent
 * @param {Node[]} nodes
 */
export function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  nodes.forEach((node, i) => {
    if (parent.childNodes[i] !== node) parent.insertBefore(node, parent.childNodes[i] ?? null);
  });
}

/** Runs once what was drawn is on the screen, or at once where nobody looks. @param {() => void} run */
export function afterPaint(run) {
  const soon = () => setTimeout(run, 0);
  if (document.visibilityState === "visible") requestAnimationFrame(soon);
  else soon();
}

/** What runs before the next paint, once for all calls until then; or soon, where nobody looks. @param {() => void} run */
export function oncePerFrame(run) {
  let isAsked = false;
  const does = () => {
    isAsked = false;
    run();
  };
  return () => {
    if (isAsked) return;
    isAsked = true;
    if (document.visibilityState === "visible") requestAnimationFrame(does);
    else setTimeout(does);
  };
}

/** The focused element, also inside a shadow root. @param {Node} within */
export function focusedIn(within) {
  const root = /** @type {ShadowRoot} */ (within.getRootNode());
  return root.activeElement && within.contains(root.activeElement) ? root.activeElement : null;
}

/**
 * Whether a switch of the attribute `features` is on: `-name` turns it off, `+name` on.
 * @param {Element} host
 * @param {string} name
 * @param {boolean} [byDefault]
 */
export function hasFeature(host, name, byDefault = true) {
  const switches = (host.getAttribute("features") ?? "").split(/\s+/);
  if (switches.includes(`-${name}`)) return false;
  return byDefault || switches.includes(`+${name}`);
}
