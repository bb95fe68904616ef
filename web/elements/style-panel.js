/** The popup of the launcher: above the button, or the whole window of a phone. */

/** Where the popup covers the window. */
export const WHOLE_WINDOW = "(max-width: 30rem), (max-height: 30rem)";

export const panelStyle = `
[part=panel] { position: absolute; inset: auto; inset-block-end: calc(100% + .8rem); inset-inline-end: 0; display: flex; margin: 0; padding: 0; border: 0; max-inline-size: none; max-block-size: none; color: inherit; inline-size: min(25rem, 100vw - 2 * var(--inset)); block-size: min(42rem, 100dvh - var(--size) - 2 * var(--inset) - 1rem); border-radius: var(--roomcast-radius, 1rem); overflow: hidden; background: var(--roomcast-panel, light-dark(#fff, #161b1e)); box-shadow: var(--roomcast-shadow, 0 12px 40px rgb(0 0 0 / 28%)); }
[part=panel] > * { flex: 1; block-size: auto; max-block-size: none; }
:host([position~="inline-start"]) [part=panel] { inset-inline: 0 auto; }
:host([position~="block-start"]) [part=panel] { inset-block: calc(100% + .8rem) auto; }
@media ${WHOLE_WINDOW} {
  :host([open]) [part=panel] { position: fixed; inset: 0; flex-direction: column; inline-size: 100%; block-size: 100dvh; box-sizing: border-box; padding: env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left); border-radius: 0; box-shadow: none; }
  :host([open]) [part=launcher] { flex: none; align-self: flex-end; inline-size: 44px; block-size: 44px; margin: .2rem .4rem; background: none; color: var(--roomcast-ink, light-dark(#1b2126, #e8eced)); box-shadow: none; }
}
@media (forced-colors: active) { [part=panel] { border: 1px solid ButtonText; } }
`;
