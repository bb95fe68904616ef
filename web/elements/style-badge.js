/** The badge: a number in the site's own menu. */

import { inkOn } from "./ink.js";

export const badgeStyle = `
:host { --ground: var(--roomcast-badge, var(--roomcast-accent, #0f766e)); display: inline-block; min-inline-size: 1.4em; padding: 0 .45em; border-radius: 1em; box-sizing: border-box; background: var(--ground); font: 600 .8em/1.6 var(--roomcast-font, inherit); text-align: center; color: ${inkOn("--ground")}; }
:host([hidden]) { display: none; }
@media (forced-colors: active) { :host { border: 1px solid; } }
`;
