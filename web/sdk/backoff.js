/** Milliseconds before the next try. @param {number} tries those before */
export const backoff = (tries) => Math.min(15_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
