/** Where a message is written. */

export const composerStyle = `
.conversation.dropping::after { content: attr(data-drop); position: absolute; inset: .5rem; z-index: 3; display: grid; place-items: center; border: 2px dashed var(--link); border-radius: var(--radius); background: color-mix(in oklab, var(--panel) 88%, transparent); color: var(--link); font-weight: 600; pointer-events: none; }
.chosen b { display: block; font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
.chosen small { color: var(--faint); font-size: .85em; }
.quick { display: flex; gap: .4rem; padding: .5rem .7rem 0; overflow-x: auto; scrollbar-width: none; }
.quick button { flex: none; padding: .3rem .8rem; border: 1px solid var(--link); border-radius: 1.2rem; background: none; color: var(--link); font-size: .93em; min-block-size: 2rem; }
.about { display: flex; gap: .6rem; align-items: center; padding: .4rem .7rem 0 1rem; padding-inline: 1rem .7rem; font-size: .9em; }
.about > div { flex: 1; min-inline-size: 0; border-inline-start: 3px solid var(--link); padding-inline-start: .6rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.about b { display: block; color: var(--link); }
.trouble { padding: .4rem 1rem 0; color: var(--danger); font-size: .9em; }
.chosen { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: .35rem; padding: .5rem .7rem 0; max-block-size: min(30vh, 14rem); overflow-y: auto; }
.chosen li { display: flex; gap: .6rem; align-items: center; padding: .25rem .25rem .25rem .5rem; padding-inline: .5rem .25rem; border: 1px solid var(--line); border-radius: .7rem; background: var(--ground); min-inline-size: 0; }
.chosen li > span { flex: 1; min-inline-size: 0; line-height: 1.25; }
.chosen b { white-space: nowrap; }
.chosen img { inline-size: 2.4rem; block-size: 2.4rem; object-fit: cover; border-radius: .4rem; }
.chosen .bad { border-color: var(--danger); background: var(--danger-ground); }
.chosen .bad small { color: var(--danger); }
.foot > * { margin-inline: max(0px, (100% - var(--column)) / 2); }
[part=composer] { display: flex; align-items: flex-end; gap: .2rem; padding: .5rem .6rem; }
[part=input] { flex: 1; min-inline-size: 0; resize: none; max-block-size: min(40vh, 12rem); padding: .5rem var(--right, 2.7rem) .5rem var(--left, .9rem); border: 1px solid light-dark(#82898f, #68747a); border-radius: 1.3rem; background: var(--panel); line-height: 1.35; overflow-y: auto; field-sizing: content; scrollbar-width: thin; }
[part=input]:focus { outline: 2px solid var(--link); outline-offset: -1px; }
[part=composer] .plain { block-size: 2.4rem; inline-size: 2.4rem; padding: 0; }
.emoji-button { margin-inline-start: -2.75rem; }
.emoji-button.plain:hover { background: none; }
[part=composer]:dir(rtl) { --left: 2.7rem; --right: .9rem; }
[part=send].plain { background: var(--accent); color: var(--on-accent); margin-inline-start: .25rem; }
[part=send].idle { background: none; color: var(--faint); }
[part=send].plain:hover { filter: brightness(1.08); }
.counter { order: 1; align-self: center; font-size: .8em; color: var(--danger); }
[part=send] { order: 2; }
@media (pointer: coarse) {
  [part=composer] .plain { block-size: 44px; inline-size: 44px; }
  [part=composer] { --right: 3rem; }
  [part=composer]:dir(rtl) { --left: 3rem; }
  [part=input] { min-block-size: 44px; padding-block: .6rem; }
  .emoji-button { margin-inline-start: -3.1rem; }
  .quick button, .chosen .plain { min-block-size: 44px; min-inline-size: 44px; }
}
@media (forced-colors: active) {
  [part=send].plain { border: 1px solid ButtonText; }
}
`;
