/** The popup of the launcher: above the button, or the whole window of a phone. */

export const panelStyle = `
[part=panel] { position: absolute; inset-block-end: calc(100% + .8rem); inset-inline-end: 0; display: flex; inline-size: min(25rem, 100vw - 2 * var(--inset)); block-size: min(42rem, 100dvh - var(--size) - 2 * var(--inset) - 1rem); border-radius: var(--roomcast-radius, 1rem); overflow: hidden; background: var(--roomcast-panel, light-dark(#fff, #161b1e)); box-shadow: var(--roomcast-shadow, 0 12px 40px rgb(0 0 0 / 28%)); }
[part=panel] > * { flex: 1; block-size: auto; max-block-size: none; }
:host([position~="inline-start"]) [part=panel] { inset-inline: 0 auto; }
:host([position~="block-start"]) [part=panel] { inset-block: calc(100% + .8rem) auto; }
@media (max-width: 30rem), (max-height: 30rem) {
  :host([open]) { inset: 0; display: flex; flex-direction: column; background: var(--roomcast-panel, light-dark(#fff, #161b1e)); }
  :host([open]) [part=panel] { position: static; flex: 1; min-block-size: 0; inline-size: 100%; block-size: auto; border-radius: 0; box-shadow: none; }
  :host([open]) [part=launcher] { order: -1; align-self: flex-end; inline-size: 44px; block-size: 44px; margin: .2rem .4rem; background: none; color: var(--roomcast-ink, light-dark(#1b2126, #e8eced)); box-shadow: none; }
}
@media (forced-colors: active) { [part=panel] { border: 1px solid ButtonText; } }
`;
