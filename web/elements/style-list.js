/** The list of conversations, and how it stands beside one. */

export const listStyle = `
:host { block-size: 36rem; max-block-size: 100dvh; }
.panes { flex: 1; min-block-size: 0; display: grid; grid-template-columns: minmax(0, 1fr); }
.panes > * { min-inline-size: 0; min-block-size: 0; }
.panes.open > .aside { display: none; }
.panes:not(.open) > .pane { display: none; }
.aside { display: flex; flex-direction: column; background: var(--panel); }
.pane > .without { visibility: hidden; }
.pane { display: flex; flex-direction: column; background: var(--talk); }
@container roomcast (inline-size >= 44rem) {
  .two { grid-template-columns: clamp(17rem, 32%, 23rem) minmax(0, 1fr); }
  .two > * { display: flex !important; }
  .two .aside { border-inline-end: 1px solid var(--line); }
  .two .back-button { display: none; }
  .two [part=header] { padding-inline-start: 1rem; }
}
.aside > header { display: flex; align-items: center; gap: .25rem; padding-block: .55rem .3rem; padding-inline: 1rem .6rem; }
.aside h2 { flex: 1; font-size: 1.25rem; letter-spacing: -.01em; }
.search-field { position: relative; margin: .2rem .8rem .4rem; }
.search-field input { inline-size: 100%; padding-block: .5rem; padding-inline: 2.4rem .8rem; border: 1px solid transparent; border-radius: 1.4rem; background: var(--ground); }
.filters { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0 .8rem .5rem; }
.filters button { padding: .2rem .8rem; border: 1px solid var(--line); border-radius: 1.2rem; background: none; color: var(--faint); font-size: .87em; }
.filters [aria-pressed=true] { background: var(--chosen); color: var(--ink); border-color: transparent; font-weight: 600; }
.rows { flex: 1; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; padding: 0 .4rem .6rem; }
[part=item] { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; column-gap: var(--gap); align-items: center; inline-size: 100%; padding: .5rem .6rem; border: 0; border-radius: var(--radius); background: none; text-align: start; min-block-size: calc(var(--face) + 1rem); }
[part=item][aria-current=true] { background: var(--chosen); }
[part=item] .face { grid-row: 1 / span 3; }
.thumb { position: absolute; inset-block-end: -.2rem; inset-inline-end: -.3rem; inline-size: 1.5rem; block-size: 1.5rem; border-radius: .35rem; object-fit: cover; border: 2px solid var(--panel); background: var(--line); }
[part=item-title], [part=item-listing], [part=item-last] { display: flex; overflow: hidden; white-space: nowrap; overflow-wrap: normal; }
:is([part=item-title], [part=item-listing], [part=item-last]) > * { min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; text-align: match-parent; }
[part=item-listing] > * + *, [part=item-last] > :not(:last-child) { flex: none; max-inline-size: 60%; }
[part=item-last] { column-gap: .3em; }
[part=item-title] { font-weight: 600; }
[part=item-title] .icon { align-self: center; inline-size: 1em; block-size: 1em; margin-inline-start: .3rem; color: var(--faint); }
[part=item-time] { font-size: .8em; color: var(--faint); white-space: nowrap; text-align: end; display: flex; align-items: center; gap: .2rem; justify-content: flex-end; }
[part=item-time] .icon { inline-size: 1.15em; block-size: 1.15em; }
[part=item-time] .icon.read { color: var(--read); }
[part=item-listing] { grid-column: 2 / span 2; font-size: .87em; color: var(--ink); }
[part=item-last] { grid-column: 2; color: var(--faint); font-size: .93em; }
[part=item-last] .draft { color: var(--danger); }
.item-end { display: flex; gap: .3rem; align-items: center; justify-content: flex-end; min-block-size: 1.4rem; }
.unread [part=item-last] { color: var(--ink); }
.unread [part=item-time] { color: var(--link); font-weight: 600; }
[part=badge] { min-inline-size: 1.4rem; padding: 0 .4rem; border-radius: 1rem; background: var(--badge); color: var(--on-badge); font-size: .8rem; font-weight: 600; line-height: 1.4rem; text-align: center; flex: none; }
[part=badge]:empty { display: block; min-inline-size: .8rem; block-size: .8rem; padding: 0; }
[part=badge].muted { background: light-dark(#6a737a, #8a969b); color: light-dark(#fff, #10161a); }
.skeleton { display: flex; gap: var(--gap); align-items: center; padding: .6rem; animation: roomcast-fade 1.4s ease-in-out infinite alternate; }
@keyframes roomcast-fade { to { opacity: .45; } }
.skeleton::after { content: ""; flex: 1; block-size: 2rem; border-radius: .5rem; background: linear-gradient(var(--line) 35%, transparent 35% 65%, var(--line) 65%); }
@media (pointer: coarse) {
  .search-field input { min-block-size: 44px; }
  .filters { gap: .1rem; padding-block-end: .1rem; margin-block-start: -.2rem; }
  .filters button, .filters [aria-pressed=true] { min-block-size: 44px; padding-inline: .7rem; border: 6px solid transparent; border-radius: 22px; background-clip: padding-box; box-shadow: inset 0 0 0 1px var(--line); }
  .filters [aria-pressed=true] { box-shadow: none; }
}
`;
