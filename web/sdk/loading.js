/** @type {Map<string, () => Promise<any>>} */
const otherWays = new Map();

/**
 * Loads a module. After a failure the next try asks for another address: Firefox remembers that the first one
 * failed, until the page is loaded again. Its error names the address.
 * @template T
 * @param {() => Promise<T>} way an `import()`
 * @returns {Promise<T>}
 */
export function loadModule(way) {
  const name = String(way);
  return (otherWays.get(name) ?? way)().catch((error) => {
    const address = /\w+:\/\/[^\s?]+/.exec(error.message);
    if (address) otherWays.set(name, () => import(/* webpackIgnore: true */ /* @vite-ignore */ `${address}?${Date.now()}`));
    throw error;
  });
}
