/** What dialogs hold, and the results of a search. */

export const dialogStyle = `
.dialog-head { display: flex; align-items: center; gap: .6rem; }
.dialog-head h2 { flex: 1; min-inline-size: 0; }
.details { display: grid; gap: .9rem; --face: 2.3rem; }
.people li { display: flex; align-items: center; gap: .7rem; min-block-size: 2.9rem; }
.people li > span:not(.avatar) { flex: 1; min-inline-size: 0; line-height: 1.25; }
.people small { display: block; color: var(--faint); }
.line { display: flex !important; gap: .6rem !important; }
.line .field { flex: 1; min-inline-size: 0; }
.faint { color: var(--faint); font-size: .9em; }
.result { display: block; inline-size: 100%; padding: .5rem .6rem; border: 0; border-radius: var(--radius); background: none; text-align: start; }
.result:is(:hover, :focus-visible) { background: var(--hover); }
.result-head { display: flex; gap: .6rem; justify-content: space-between; font-weight: 600; }
.result-head time { font-weight: 400; font-size: .8em; color: var(--faint); white-space: nowrap; }
.result-text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; color: var(--faint); }
`;
