/** Menus and dialogs. */

export const dialogStyle = `
[part=menu] { position: fixed; inset: auto; margin: 0; padding: .35rem; min-inline-size: 12rem; max-inline-size: min(20rem, 94vw); max-block-size: 80dvh; overflow: auto; border: 1px solid var(--line); border-radius: var(--radius); background: var(--panel); color: var(--ink); box-shadow: var(--shade); }
[part=menu] button { display: flex; gap: .7rem; align-items: center; inline-size: 100%; padding: .5rem .7rem; border: 0; border-radius: calc(var(--radius) - .25rem); background: none; text-align: start; }
[part=menu] button:is(:hover, :focus-visible) { background: var(--chosen); }
[part=menu] button.danger { color: var(--danger); }
[part=menu]:dir(rtl) .leave { transform: scaleX(-1); }
[part=menu] button:not(.danger) > .icon { color: var(--faint); }
[part=menu]:has(.emoji) { min-inline-size: min(17rem, 94vw); }
[part=menu] .emoji { display: flex; justify-content: space-between; padding-block-end: .3rem; }
[part=menu] .emoji button { flex: 1; justify-content: center; padding: .3rem 0; font-size: 1.35rem; line-height: 1.2; }
[part=menu] .emoji [aria-checked=true] { background: var(--chosen); }
[part=menu] .emoji .icon { inline-size: 1.2rem; block-size: 1.2rem; align-self: center; }
[part=menu] p { padding: .4rem .7rem; font-size: .85em; color: var(--faint); }
[part~=dialog] { inline-size: min(26rem, 92vw); max-block-size: 88dvh; padding: 1.3rem; border: 1px solid var(--line); border-radius: calc(var(--radius) + .25rem); background: var(--panel); color: var(--ink); box-shadow: var(--shade); overscroll-behavior: contain; }
[part~=dialog]::backdrop { background: rgb(0 0 0 / 45%); }
.main.danger { background: var(--danger); border-color: var(--danger); color: light-dark(#fff, #2b0d0a); }
[part~=dialog] form { display: grid; gap: 1rem; }
[part~=dialog] h2 { font-size: 1.1rem; }
.field { inline-size: 100%; padding: .55rem .8rem; border: 1px solid light-dark(#82898f, #7d888d); border-radius: var(--radius); background: var(--panel); color: var(--ink); }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; justify-content: flex-end; }
.choices { display: grid; gap: .2rem; border: 0; padding: 0; margin: 0; }
.choices label { display: flex; gap: .6rem; align-items: center; min-block-size: 2.2rem; }
.choices input { accent-color: var(--accent); inline-size: 1.1rem; block-size: 1.1rem; }
.dialog-head { display: flex; align-items: center; gap: .6rem; }
.dialog-head h2 { flex: 1; min-inline-size: 0; }
.details { display: grid; gap: .9rem; --face: 2.3rem; }
.people li { display: flex; align-items: center; gap: .7rem; min-block-size: 2.9rem; }
.people li > span:not(.avatar) { flex: 1; min-inline-size: 0; line-height: 1.25; }
.people label { flex: 1; min-inline-size: 0; }
.people small { display: block; color: var(--faint); }
.line { display: flex !important; gap: .6rem !important; }
.line .field { flex: 1; min-inline-size: 0; }
.faint { color: var(--faint); font-size: .9em; }
@media (pointer: coarse) { [part=menu] button, .choices label, .field { min-block-size: 44px; } [part=menu] .emoji button { min-inline-size: min(44px, 12vw); } }
`;
