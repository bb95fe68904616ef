/** What a conversation shows beside its messages: loaded after the first of them. */

export const chatRestStyle = `
[part=day], [part=new-line], [part=author], [part=meta], [part=quote] { -webkit-user-select: none; }
[part=listing] { display: grid; grid-template-columns: auto minmax(0, 1fr); column-gap: .6rem; align-items: center; flex: 0 1 auto; max-inline-size: 46%; min-block-size: calc(2.8rem + 2px); padding-block: .25rem; padding-inline: .3rem .7rem; border: 1px solid var(--line); border-radius: var(--radius); background: var(--ground); color: var(--ink); text-decoration: none; font-size: .87em; line-height: 1.25; }
[part=listing-photo] { grid-row: 1 / span 2; inline-size: 2.3rem; block-size: 2.3rem; border-radius: .45rem; object-fit: cover; background: var(--line); }
.listing-title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; grid-column: 2; }
.listing-end { grid-column: 2; display: flex; gap: .5rem; color: var(--faint); }
[part=listing-price] { font-weight: 700; color: var(--ink); white-space: nowrap; }
.listing-status { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
a[part=listing]:hover { border-color: var(--link); }
@container roomcast (inline-size < 34rem) {
  [part=listing] { order: 9; flex: 1 0 100%; max-inline-size: 100%; }
  .back-button:not([hidden]) ~ [part=listing] { max-inline-size: calc(100% - .2rem); margin-inline-start: .2rem; flex-basis: calc(100% - .2rem); }
}
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
::slotted([slot=before-messages]) { padding-inline: 1rem; }
.unknown > :is([part=header], .scroll) { display: none; }
.unknown > .closed { flex: 1; }
.closed { padding: .9rem 1rem; text-align: center; color: var(--faint); display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; justify-content: center; }
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
