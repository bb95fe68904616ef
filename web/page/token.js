/** The token of the page: taken from the address on arrival, kept for this tab alone. */

const KEPT = `roomcast token ${globalThis.location?.pathname}`;

/** The token of a link, or the one of before; it leaves the address bar. */
export function takeToken() {
  const query = new URLSearchParams(location.hash.slice(1));
  const token = query.get("token");
  if (token === null) return sessionStorage.getItem(KEPT) ?? "";
  query.delete("token");
  history.replaceState(history.state, "", `${location.pathname}${location.search}${query.size ? `#${query}` : ""}`);
  keepToken(token);
  return token;
}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(KEPT, token);
}

export function forgetToken() {
  sessionStorage.removeItem(KEPT);
}
