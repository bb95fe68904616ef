/** The launcher: a button at a corner of the window. */

import { inkOn } from "./ink.js";

export const launcherStyle = `
:host { --accent: var(--roomcast-accent, #0f766e); --size: var(--roomcast-launcher-size, 3.5rem); --inset: var(--roomcast-launcher-inset, 1.25rem);
  --on-accent: var(--roomcast-on-accent, ${inkOn("--accent")});
  color-scheme: light dark; position: fixed; z-index: var(--roomcast-z-index, 2147483000); inset-block-end: max(var(--inset), env(safe-area-inset-bottom)); inset-inline-end: var(--inset);
  font: var(--roomcast-font-size, .9375rem)/1.4 var(--roomcast-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif); }
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
:host([position~="inline-start"]) { inset-inline: var(--inset) auto; }
:host([position~="block-start"]) { inset-block: var(--inset) auto; }
:host([hidden]), [hidden] { display: none !important; }
[part=launcher] { position: relative; display: grid; place-items: center; inline-size: var(--size); block-size: var(--size); padding: 0; border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent); box-shadow: var(--roomcast-shadow, 0 6px 20px rgb(0 0 0 / 25%)); cursor: pointer; -webkit-tap-highlight-color: transparent; }
[part=launcher]:hover { filter: brightness(1.08); }
[part=launcher]:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
[part=launcher] svg { inline-size: 46%; block-size: 46%; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
:host(:not([open])) .down, :host([open]) .chat { display: none; }
[part=badge] { position: absolute; inset-block-start: -.25rem; inset-inline-end: -.25rem; min-inline-size: 1.4rem; box-sizing: border-box; padding: 0 .35rem; border: 2px solid #fff; border-radius: 1rem; background: #b3261e; color: #fff; font-size: .75rem; font-weight: 700; line-height: 1.35rem; text-align: center; }
:host([open]) [part=badge] { display: none; }
@media (forced-colors: active) { [part=launcher], [part=badge] { border: 1px solid ButtonText; } }
`;
