/** What a message has beside its text. */

export const extrasStyle = `
[part~=message].pictured { max-inline-size: min(85%, 21.4rem); }
[part~=system].rich > [part~=bubble] { padding-block: .42rem; font-size: .93em; color: var(--ink); }
[part~=system].rich [part=meta] { display: flex; }
[part~=message].failed > [part~=bubble] { box-shadow: inset 0 0 0 1px var(--danger); }
[part=files] { display: grid; gap: .25rem; max-inline-size: 21rem; margin-block: .1rem .3rem; }
[part=files]:is(.album, .single) { inline-size: fit-content; max-inline-size: min(21rem, 100% + 1.1rem); margin-block-start: -.22rem; margin-inline: -.55rem; border-radius: calc(var(--bubble) - .2rem); overflow: hidden; }
.single [part=picture] { border-radius: 0; }
[part=files].album { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .15rem; inline-size: 21rem; }
[part=files].album [part=picture] { border-radius: 0; inline-size: 100%; }
[part=files].album.three > :first-child { grid-column: span 2; }
[part=files].album [part=picture] img { inline-size: 100%; block-size: 100%; aspect-ratio: 1; object-fit: cover; }
[part=files].album.three > :first-child img { aspect-ratio: 2; }
[part=files].album [part=picture] .whole { object-fit: scale-down; }
[part=picture] { position: relative; display: block; padding: 0; border: 0; background: light-dark(#eef0f1, #737a7d); border-radius: .6rem; overflow: hidden; max-inline-size: 100%; line-height: 0; justify-self: start; }
[part=picture] img { display: block; max-inline-size: 100%; max-block-size: 22rem; inline-size: var(--fit, auto); block-size: auto; min-inline-size: 3rem; min-block-size: 3rem; object-fit: scale-down; }
[part~=message].bare [part=files] { margin-block-end: -.22rem; }
[part~=message].bare [part=meta] { position: absolute; inset-block-end: .5rem; inset-inline-end: .6rem; margin: 0; padding: .1rem .5rem; border-radius: 1rem; background: rgb(0 0 0 / 62%); color: #fff; pointer-events: none; }
[part~=message].bare [part=meta] .read { color: oklch(from var(--accent) .87 min(c, .12) h); }
.more-pictures { position: absolute; inset: 0; display: grid; place-items: center; background: rgb(0 0 0 / 55%); color: #fff; font-size: 1.6rem; font-weight: 600; }
[part~=card] { display: flex; gap: .6rem; align-items: center; padding: .35rem .6rem; border: 1px solid var(--line); border-radius: .7rem; background: color-mix(in oklab, var(--panel) 60%, transparent); color: inherit; text-align: start; min-block-size: 2.75rem; max-inline-size: 100%; }
[part~=card] .icon { color: var(--link); }
[part~=card] b { display: block; font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
[part~=card] small { color: var(--faint); font-size: .85em; }
[part=text] code { font: .92em ui-monospace, monospace; background: color-mix(in oklab, currentColor 9%, transparent); padding: .05em .3em; border-radius: .3em; }
[part=text] code.block { display: block; padding: .5em .7em; overflow-x: auto; }
[part~=message].found > [part~=bubble] { animation: roomcast-found 1.8s ease-out; }
@keyframes roomcast-found { 0%, 45% { background: light-dark(#ffe9a8, #6b571a); } }
progress { inline-size: 100%; block-size: .35rem; accent-color: var(--accent); }
.quiet.danger { color: var(--danger); }
.note { align-self: center; -webkit-user-select: none; padding: .1rem .8rem; border-radius: 1rem; background: color-mix(in oklab, var(--panel) 80%, var(--talk)); color: var(--faint); font-size: .87em; text-align: center; }
[part~=message].going { opacity: .5; }
.typing-row { align-self: flex-start; -webkit-user-select: none; color: var(--faint); font-size: .9em; min-block-size: 1.4em; }
[part=subtitle].typing { color: var(--link); }
[part~=message].large .body { display: flex; align-items: flex-end; }
[part=messages][aria-busy=true]::before { content: ""; position: sticky; inset-block-start: .5rem; z-index: 1; align-self: center; flex: none; margin-block: 0 -1.6rem; }
[part=reactions] { display: flex; flex-wrap: wrap; gap: .25rem; margin-block-start: .2rem; -webkit-user-select: none; }
[part=chip] { display: inline-flex; gap: .3rem; align-items: center; padding: .1rem .5rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--panel); color: var(--ink); font-size: .87em; }
[part=chip][aria-pressed=true] { background-color: var(--chosen); border-color: var(--link); }
.acts { display: flex; flex-wrap: wrap; gap: .4rem; margin-block: .4rem .2rem; clear: both; }
.acts button { flex: 1 1 auto; }
.state { display: flex; flex-wrap: wrap; align-items: center; gap: .1rem .7rem; font-size: .85em; color: var(--faint); -webkit-user-select: none; }
.state.failed { color: var(--danger); }
.link-button { border: 0; background: none; padding: .15rem 0; color: var(--link); font-weight: 600; }
.tools { position: absolute; inset-block-start: 50%; translate: 0 -50%; display: flex; opacity: 0; inset-inline-start: calc(100% + .2rem); }
[part~=mine] > .tools { inset-inline: auto calc(100% + .2rem); flex-direction: row-reverse; }
[part~=message]:is(:hover, :focus-within) > .tools, [part~=message]:focus > .tools { opacity: 1; }
.tools .plain { padding: .3rem; font-size: .93em; }
@media (hover: none) { .tools { display: none; } }
@media (pointer: coarse) {
  [part=reactions] { gap: 0; margin: -.3rem -.4rem; }
  [part=chip] { min-block-size: 44px; min-inline-size: 44px; justify-content: center; border: 7px solid transparent; border-radius: 22px; background-clip: padding-box; box-shadow: inset 0 0 0 1px var(--line); }
  [part=chip][aria-pressed=true] { border-color: transparent; box-shadow: inset 0 0 0 1px var(--link); }
  .acts button, .link-button { min-block-size: 44px; min-inline-size: 44px; }
}
@media (forced-colors: active) {
  [part=chip] { border: 1px solid CanvasText; }
  [part=chip][aria-pressed=true] { border-color: Highlight; }
}
`;
