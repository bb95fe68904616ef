/** What a list shows once it is used: loaded after its first rows. */

export const listRestStyle = `
.search-field .icon { position: absolute; inset-inline-start: .7rem; inset-block-start: 50%; translate: 0 -50%; color: var(--faint); pointer-events: none; }
.search-field input:focus { border-color: var(--link); outline: 1px solid var(--link); outline-offset: 0; }
.search-field input::-webkit-search-cancel-button { filter: grayscale(1); }
.filters button:hover { background: var(--hover); }
.rows h3 { padding: .8rem .6rem .3rem; font-size: .85em; color: var(--faint); }
[part=item]:hover:not([aria-current=true]) { background: var(--hover); }
[part=item-last] .typing { color: var(--link); }
[part=item]:focus-visible { outline-offset: -2px; }
.lost { padding: .35rem 1rem; font-size: .9em; background: light-dark(#fff4d6, #3a3013); color: light-dark(#5b4300, #f3dfa4); }
@media (forced-colors: active) {
  [part=badge] { border: 1px solid ButtonText; }
  [part=item][aria-current=true] { background: SelectedItem; color: SelectedItemText; forced-color-adjust: none; }
  [part=item][aria-current=true] * { color: SelectedItemText; }
  .filters [aria-pressed=true] { border-color: Highlight; }
}
`;
