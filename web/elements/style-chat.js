/** One conversation: header and messages. */

export const chatStyle = `
:host { block-size: 30rem; max-block-size: 100dvh; }
.conversation { flex: 1; min-block-size: 0; display: flex; flex-direction: column; position: relative; background: var(--talk); }
[part=header] { display: flex; align-items: center; gap: calc(.8 * var(--gap)); min-block-size: 3.9rem; padding: .45rem .6rem; padding-inline-start: 1rem; background: var(--panel); border-block-end: 1px solid var(--line); --face: 2.5rem; }
[part=header]:has(> .back-button:not([hidden])) { padding-inline-start: .4rem; }
[part=header] > .back-button { margin-inline-end: -.3rem; }
.who { flex: 1 1 6rem; min-inline-size: 0; }
[part=title] { display: flex; align-items: center; font-size: 1.03rem; line-height: 1.25; white-space: nowrap; }
[part=title] > bdi { min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; text-align: match-parent; }
[part=title] .icon { inline-size: 1em; block-size: 1em; color: var(--faint); margin-inline-start: .3rem; }
[part=subtitle] { font-size: .85em; color: var(--faint); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
@container roomcast (inline-size < 34rem) {
  [part=header] { flex-wrap: wrap; }
  .about-place { order: 9; flex: 1 0 100%; block-size: calc(2.8rem + 2px); }
}
.scroll { flex: 1; min-block-size: 0; position: relative; display: flex; flex-direction: column; }
[part=messages] { flex: 1; min-block-size: 0; overflow-y: auto; overflow-x: hidden; overflow-anchor: none; overscroll-behavior: contain; scrollbar-width: thin; display: flex; flex-direction: column; padding-block: .6rem; padding-inline: max(clamp(.6rem, 3%, 2rem), (100% - var(--column)) / 2); outline-offset: -3px; }
[part=messages] > ol { margin-block-start: auto; display: flex; flex-direction: column; gap: .55rem; }
[part=day] { align-self: center; margin-block: .5rem; padding: .15rem .8rem; border-radius: 1rem; background: color-mix(in oklab, var(--panel) 80%, var(--talk)); color: var(--faint); font-size: .82em; font-weight: 600; }
[part=new-line] { display: flex; align-items: center; gap: .8rem; color: var(--link); font-size: .85em; font-weight: 600; }
[part=new-line]::before, [part=new-line]::after { content: ""; flex: 1; block-size: 1px; background: var(--link); opacity: .5; }
.row { display: flex; gap: .5rem; align-items: flex-end; --face: 2rem; max-inline-size: 100%; }
.row.joined { margin-block-start: -.4rem; }
.continued > .avatar { visibility: hidden; block-size: 1px; }
.mine-row { flex-direction: row-reverse; }
.system-row { justify-content: center; }
[part~=message] { position: relative; display: flex; flex-direction: column; max-inline-size: min(85%, 34rem); min-inline-size: 0; border-radius: var(--bubble); outline-offset: 1px; }
[part~=mine] { align-items: flex-end; }
[part~=theirs] { align-items: flex-start; }
[part~=bubble] { position: relative; padding: .42rem .75rem; border-radius: var(--bubble); border-end-start-radius: .3rem; background: var(--theirs); color: var(--on-theirs); box-shadow: 0 1px 1px rgb(0 0 0 / 7%); max-inline-size: 100%; min-inline-size: 3.5rem; }
[part~=mine] > [part~=bubble] { background: var(--mine); color: var(--on-mine); border-end-start-radius: var(--bubble); border-end-end-radius: .3rem; }
.joined > [part~=theirs] > [part~=bubble] { border-start-start-radius: .3rem; }
.joined > [part~=mine] > [part~=bubble] { border-start-end-radius: .3rem; }
[part~=system] { text-align: center; }
[part~=system] > [part~=bubble] { border-radius: var(--radius); padding-block: .15rem; background: color-mix(in oklab, var(--panel) 80%, var(--talk)); box-shadow: none; font-size: .87em; color: var(--faint); }
[part~=system] [part=meta] { display: none; }
[part~=message].large > [part~=bubble] { background: none; box-shadow: none; padding-inline: .2rem; }
[part~=message].large [part=text] { font-size: 2.6rem; line-height: 1.25; }
[part=author] { display: block; inline-size: fit-content; font-size: .85em; font-weight: 600; color: light-dark(oklch(from var(--tint) min(l, .47) c h), oklch(from var(--tint) .8 min(c, .12) h)); }
.body { white-space: pre-wrap; text-align: start; display: flow-root; }
[part=text] { unicode-bidi: plaintext; }
.body.folded { max-block-size: 16em; overflow: hidden; mask-image: linear-gradient(#000 75%, transparent); }
[part=meta] { float: inline-end; margin-block: .38em -.2em; margin-inline-start: .6rem; font-size: .75em; line-height: 1.4; color: var(--faint); white-space: nowrap; display: flex; gap: .25rem; align-items: center; }
[part=meta] .icon { inline-size: 1.35em; block-size: 1.35em; }
[part=meta] .read { color: var(--read); }
[part=quote] { display: block; inline-size: 100%; margin-block: .1rem .35rem; padding: .2rem .6rem; border: 0; border-inline-start: 3px solid var(--link); border-radius: .4rem; background: color-mix(in oklab, var(--link) 9%, transparent); color: inherit; font-size: .9em; text-align: start; overflow: hidden; }
[part=quote] b { display: block; color: var(--link); font-size: .92em; }
[part=quote] span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
@media (hover: none) { [part~=message] { max-inline-size: min(90%, 34rem); } }
.foot { background: var(--panel); border-block-start: 1px solid var(--line); min-block-size: 3.45rem; }
@media (pointer: coarse) {
  [part=quote] { min-block-size: 44px; }
}
`;
