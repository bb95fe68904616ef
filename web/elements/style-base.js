/** Colours, type and controls that every view shares. Only `--roomcast-…` is public. */

import { inkOn } from "./ink.js";

export const baseStyle = `
:host {
  --accent: var(--roomcast-accent, #0f766e);
  --on-accent: var(--roomcast-on-accent, ${inkOn("--accent")});
  --link: light-dark(oklch(from var(--accent) min(l, .47) c h), oklch(from var(--accent) max(l, .8) min(c, .14) h));
  --ground: var(--roomcast-ground, light-dark(oklch(from var(--accent) .963 min(c, .006) h), oklch(from var(--accent) .17 min(c, .008) h)));
  --panel: var(--roomcast-panel, light-dark(#fff, oklch(from var(--accent) .215 min(c, .01) h)));
  --talk: var(--roomcast-talk, light-dark(oklch(from var(--accent) .957 min(c, .012) h), oklch(from var(--accent) .175 min(c, .01) h)));
  --ink: var(--roomcast-ink, light-dark(#1b2126, #e8eced));
  --faint: var(--roomcast-faint, light-dark(#525c64, #a9b4b8));
  --line: var(--roomcast-line, light-dark(#e1e5e7, oklch(from var(--accent) .31 min(c, .012) h)));
  --mine: var(--roomcast-mine, light-dark(oklch(from var(--accent) .915 min(c, .06) h), oklch(from var(--accent) .37 min(c, .06) h)));
  --on-mine: var(--roomcast-on-mine, var(--ink));
  --theirs: var(--roomcast-theirs, light-dark(#fff, oklch(from var(--accent) .275 min(c, .012) h)));
  --on-theirs: var(--roomcast-on-theirs, var(--ink));
  --chosen: var(--roomcast-chosen, light-dark(oklch(from var(--accent) .94 min(c, .035) h), oklch(from var(--accent) .32 min(c, .04) h)));
  --hover: color-mix(in oklab, var(--chosen) 45%, var(--panel));
  --read: var(--roomcast-read, var(--link));
  --online: var(--roomcast-online, light-dark(#1f8f4e, #3ecf7c));
  --danger: var(--roomcast-danger, light-dark(#b3261e, #ff9a92));
  --badge: var(--roomcast-badge, var(--accent));
  --on-badge: ${inkOn("--badge")};
  --radius: var(--roomcast-radius, .75rem);
  --bubble: var(--roomcast-bubble-radius, 1.1rem);
  --face: var(--roomcast-avatar-size, 2.9rem);
  --face-radius: var(--roomcast-avatar-radius, 50%);
  --gap: var(--roomcast-gap, .75rem);
  --column: 60rem;
  color-scheme: light dark;
  display: block;
  position: relative;
  overflow: hidden;
  box-sizing: border-box;
  min-inline-size: 0;
  max-inline-size: var(--roomcast-max-width, none);
  background: var(--panel);
  color: var(--ink);
  font: var(--roomcast-font-size, .9375rem)/1.4 var(--roomcast-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  overflow-wrap: anywhere;
  text-align: start;
  -webkit-text-size-adjust: 100%;
}
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
:host([density=compact]) { --face: var(--roomcast-avatar-size, 2.1rem); --gap: var(--roomcast-gap, .5rem); }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h2, h3, p, ul, ol { margin: 0; padding: 0; }
ul, ol { list-style: none; }
button, input, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; -webkit-tap-highlight-color: transparent; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
::placeholder { color: var(--faint); opacity: 1; }
a { color: var(--link); }
.frame { position: absolute; inset: 0; display: flex; flex-direction: column; min-block-size: 0; container: roomcast / inline-size; }
.icon { inline-size: 1.4em; block-size: 1.4em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; vertical-align: -.3em; }
.icon.more { stroke-width: 3; }
:dir(rtl) > .icon:is(.back, .send, .reply, .left, .right) { transform: scaleX(-1); }
.plain { border: 0; padding: .45rem; background: none; border-radius: 50%; color: var(--faint); line-height: 1; display: inline-grid; place-items: center; flex: none; }
.main, .quiet { border: 1px solid var(--accent); border-radius: var(--radius); padding: .45rem 1rem; background: var(--accent); color: var(--on-accent); font-weight: 600; min-block-size: 2.4rem; }
.quiet { background: none; color: var(--link); border-color: var(--line); }
.face { position: relative; flex: none; display: inline-grid; }
.avatar { inline-size: var(--face); block-size: var(--face); border-radius: var(--face-radius); display: grid; place-items: center; overflow: hidden; font-weight: 600; font-size: calc(var(--face) * .36); background: var(--tint); color: #fff; flex: none; }
.avatar img { inline-size: 100%; block-size: 100%; object-fit: cover; }
.colour-none { --tint: var(--line); } .colour-0 { --tint: #b04a35; } .colour-1 { --tint: #8a6116; } .colour-2 { --tint: #4d7424; } .colour-3 { --tint: #1d7a5f; }
.colour-4 { --tint: #1b7591; } .colour-5 { --tint: #4a63b8; } .colour-6 { --tint: #8050ac; } .colour-7 { --tint: #ab4078; }
.dot { position: absolute; inset-block-end: 0; inset-inline-end: 0; inline-size: .8rem; block-size: .8rem; border-radius: 50%; background: var(--online); border: 2px solid var(--panel); }
.empty { margin: auto; padding: 2rem 1.5rem; text-align: center; color: var(--faint); display: grid; gap: .8rem; justify-items: center; }
.empty .icon { inline-size: 3.5rem; block-size: 3.5rem; stroke-width: 1.2; }
.spin, [part=messages][aria-busy=true]::before { inline-size: 1.6rem; block-size: 1.6rem; margin: 1rem auto; border: 3px solid var(--line); border-block-start-color: var(--link); border-radius: 50%; animation: roomcast-spin .9s linear infinite; }
@keyframes roomcast-spin { to { rotate: 1turn; } }
@media (pointer: coarse) {
  .plain { min-inline-size: 44px; min-block-size: 44px; }
  input, textarea, select { font-size: max(16px, 1em); }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
`;
