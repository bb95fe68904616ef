/** A choice of emoji beside a button. Loaded when it is first opened. */

import { seenEnd } from "./keyboard.js";

const EMOJI_STYLE = `
.emoji-box { position: fixed; inset: auto; margin: 0; padding: .5rem; inline-size: min(21rem, 96vw); max-block-size: min(18rem, 60dvh); overflow-y: auto; border: 1px solid var(--line); border-radius: var(--radius); background: var(--panel); box-shadow: var(--shade); }
.emoji-box div { display: grid; grid-template-columns: repeat(auto-fill, minmax(2.4rem, 1fr)); }
.emoji-box button { aspect-ratio: 1; padding: 0; border: 0; border-radius: .5rem; background: none; font-size: 1.4rem; line-height: 1; }
.emoji-box button:is(:hover, :focus-visible) { background: var(--chosen); }
@media (pointer: coarse) { .emoji-box div { grid-template-columns: repeat(auto-fill, minmax(44px, 1fr)); } }
`;
const CHOICE =
  "😀 😃 😄 😁 😅 😂 🤣 😊 😇 🙂 😉 😍 🥰 😘 😋 😜 🤗 🤔 🤨 😐 😏 😒 🙄 😬 😌 😔 😴 😷 🤒 🤯 🥳 😎 🤓 😕 😟 😮 😳 🥺 😢 😭 😱 😤 😡 👍 👎 👌 ✌️ 🤞 🤝 👏 🙌 🙏 💪 👋 ✍️ 👀 ❤️ 🧡 💛 💚 💙 💜 🖤 💔 💯 ✨ ⭐ 🔥 🎉 🎁 🏆 💡 ✅ ❌ ❓ ❗ ⏰ 📅 📍 📦 🚚 🚗 🚲 ✈️ 🏠 🏢 💰 💳 🧾 📷 📱 💻 📎 📄 ✏️ 🔧 🔑 🛒 ☀️ 🌧️ ❄️ 🌈 🌳 🌹 🐶 🐱 🍎 🍕 ☕ 🍺 🍰 ⚽".split(" ");

/**
 * @param {{ root: ShadowRoot, from: HTMLElement, pick: (emoji: string) => void, label: string }} about
 */
export function openEmoji({ root, from, pick, label }) {
  const sheet = new CSSStyleSheet();
  const box = document.createElement("div");
  box.className = "emoji-box";
  box.popover = "auto";
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", label);
  const grid = document.createElement("div");
  box.append(grid);
  for (const emoji of CHOICE) {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = emoji === CHOICE[0] ? 0 : -1;
    button.textContent = emoji;
    button.addEventListener("click", () => {
      box.hidePopover();
      pick(emoji);
    });
    grid.append(button);
  }
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // Firefox and Safari would close a dialog around it instead
      box.hidePopover();
    }
    move(event, grid, root);
  });
  box.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") return;
    if (!root.activeElement || box.contains(root.activeElement)) from.focus();
    box.remove();
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((each) => each !== sheet);
  });
  root.append(box);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  sheet.replaceSync(EMOJI_STYLE);
  box.showPopover();
  const at = from.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.right - box.offsetWidth, innerWidth - box.offsetWidth - 8));
  const above = at.top - box.offsetHeight - 8;
  const top = above > 8 ? above : Math.min(at.bottom + 8, seenEnd() - box.offsetHeight - 8);
  sheet.replaceSync(`${EMOJI_STYLE} .emoji-box { top: ${Math.round(top)}px; left: ${Math.round(left)}px; }`);
  /** @type {HTMLElement} */ (grid.firstElementChild).focus();
}

/** @param {KeyboardEvent} event @param {HTMLElement} grid @param {ShadowRoot} root */
function move(event, grid, root) {
  event.stopPropagation();
  const buttons = /** @type {HTMLElement[]} */ ([...grid.children]);
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const side = getComputedStyle(grid).direction === "rtl" ? -1 : 1;
  const steps = { ArrowRight: side, ArrowLeft: -side, ArrowDown: columns, ArrowUp: -columns };
  const step = steps[/** @type {"ArrowUp"} */ (event.key)];
  if (!step) return;
  event.preventDefault();
  const at = buttons.indexOf(/** @type {HTMLElement} */ (root.activeElement));
  buttons[Math.max(0, Math.min(buttons.length - 1, at + step))].focus();
}
