/** What a conversation shows beside its messages: loaded after the first of them. */

export const chatRestStyle = `
a[part=listing]:hover { border-color: var(--link); }
.bar { display: flex; justify-content: center; align-items: center; gap: .8rem; padding: .35rem 1rem; font-size: .9em; background: light-dark(#fff4d6, #3a3013); color: light-dark(#5b4300, #f3dfa4); }
.bar button { border: 0; background: none; color: inherit; font-weight: 600; text-decoration: underline; min-block-size: 1.8rem; flex: none; }
.pills { position: absolute; inset-block-end: .7rem; inset-inline-end: max(1rem, (100% - var(--column)) / 2 - 3.5rem); display: grid; gap: .5rem; justify-items: end; z-index: 2; }
[part=pill] { display: inline-flex; gap: .4rem; align-items: center; padding: .45rem .8rem; border: 1px solid var(--line); border-radius: 1.4rem; background: var(--panel); color: var(--ink); box-shadow: 0 2px 8px rgb(0 0 0 / 15%); font-size: .9em; font-weight: 600; min-block-size: 2.4rem; }
@media (forced-colors: active) {
  [part~=bubble], [part=day], [part=pill] { border: 1px solid CanvasText; }
  [part~=mine] > [part~=bubble] { border: 2px solid Highlight; }
}
@media (pointer: coarse) {
  [part=pill], .bar button { min-block-size: 44px; }
}
`;
