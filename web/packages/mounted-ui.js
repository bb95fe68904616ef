/** Where the server has the elements, if a site of an npm package names no other `server`: below `/chat/` of the page. */
export const mountedUi = new URL("/chat/ui/", globalThis.document?.baseURI ?? "http://localhost").href;
