/** The page around the elements: the whole window, and the sign-in over it. */

export const pageStyle = `
:root { --accent: var(--roomcast-accent, #0f766e); color-scheme: light dark; block-size: 100%; background: light-dark(oklch(from var(--accent) .957 min(c, .012) h), oklch(from var(--accent) .175 min(c, .01) h)); }
body { margin: 0; block-size: 100%; font: .9375rem/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: light-dark(#1b2126, #e8eced); }
[hidden] { display: none !important; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }
roomcast-inbox, roomcast-chat { block-size: 100dvh; }
img.logo { inline-size: 2rem; block-size: 2rem; object-fit: contain; margin-inline-end: .4rem; }
.entry { position: fixed; inset: 0; z-index: 2; margin: auto; inline-size: min(22rem, 100vw - 2rem); block-size: fit-content; box-sizing: border-box; padding: clamp(1.2rem, 8vw, 2rem); display: grid; grid-template-columns: minmax(0, 1fr); gap: .9rem; border-radius: 1.2rem; background: light-dark(#fff, oklch(from var(--accent) .23 min(c, .012) h)); box-shadow: 0 8px 40px rgb(0 0 0 / 18%), 0 0 0 100vmax light-dark(rgb(225 232 231 / 75%), rgb(0 0 0 / 60%)); }
.entry .logo { inline-size: 3rem; block-size: 3rem; }
.entry h2 { margin: 0; font-size: 1.4rem; overflow-wrap: anywhere; }
.entry p { margin: 0; color: light-dark(#b3261e, #ff9a92); }
.entry input, .entry button { font: inherit; min-block-size: 44px; padding: .5rem .9rem; border-radius: .75rem; box-sizing: border-box; }
.entry input { font-size: max(16px, 1em); border: 1px solid light-dark(#82898f, #7d888d); background: light-dark(#fff, #10161a); color: inherit; }
.entry ::placeholder { color: light-dark(#525c64, #a9b4b8); opacity: 1; }
.entry button { border: 1px solid var(--accent); background: var(--accent); color: color(from var(--accent) xyz-d65 clamp(0, (.179 - y) * 9999, .9505) clamp(0, (.179 - y) * 9999, 1) clamp(0, (.179 - y) * 9999, 1.089)); font-weight: 600; cursor: pointer; }
.entry :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;
