/** Messages that were found. */

export const foundStyle = `
mark { background: light-dark(#ffe9a8, #6b571a); color: var(--ink); }
.result { display: block; inline-size: 100%; padding: .5rem .6rem; border: 0; border-radius: var(--radius); background: none; text-align: start; }
.result:is(:hover, :focus-visible) { background: var(--hover); }
.result-head { display: flex; gap: .6rem; justify-content: space-between; font-weight: 600; }
.result-head time { font-weight: 400; font-size: .8em; color: var(--faint); white-space: nowrap; }
.result-text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; color: var(--faint); }
`;
