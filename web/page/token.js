/** The token of the page: taken from the address on arrival, kept for this tab alone. */

const TOKEN_KEY = `roomcast token ${globalThis.location?.pathname}`;

/** The storage of this tab; none where the browser forbids it to the page, whose token then lives as long as the page. */
function tabStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}

/** The token of a link, or the one of before; it leaves the address bar. */
export function takeToken() {
  const query = new URLSearchParams(location.hash.slice(1));
  const token = query.get("token");
  if (token === null) return tabStorage()?.getItem(TOKEN_KEY) ?? "";
  query.delete("token");
  history.replaceState(history.state, "", `${location.pathname}${location.search}${query.size ? `#${query}` : ""}`);
  keepToken(token);
  return token;
}

/** @param {string} token */
export function keepToken(token) {
  tabStorage()?.setItem(TOKEN_KEY, token);
}

export function forgetToken() {
  tabStorage()?.removeItem(TOKEN_KEY);
}
