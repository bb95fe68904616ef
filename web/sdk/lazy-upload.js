/** Files that travel by PUT. Loaded with the first of them. */

/**
 * Uploads a file; the path by which a message names it. Raises errors of the session's kind.
 * @param {import("./session.js").Session} session
 * @param {{ room_id: number, name: string, size: number, type: string }} about
 * @param {File} file
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onProgress
 * @returns {Promise<string>}
 */
export async function upload(session, about, file, signal, onProgress) {
  const offer = await session.request("POST", "chat/attachments/", { body: about, signal });
  const headers = Object.entries(offer.headers ?? {}).filter(([name]) => !/^(host|content-length)$/i.test(name));
  const status = await put(session, offer.presigned_url, Object.fromEntries(headers), file, signal, onProgress);
  if (status < 300) return offer.file_path;
  const code = { 400: "file_invalid", 413: "file_too_large" }[status];
  throw session.errorOf({ code: code ?? "storage_unavailable" }, status); // then a new address is asked for
}

/**
 * By XMLHttpRequest where there is one, because fetch can't tell how far it is; 0 where nothing answers.
 * @param {import("./session.js").Session} session
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {File} file
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onProgress
 * @returns {Promise<number>}
 */
async function put(session, url, headers, file, signal, onProgress) {
  if (!globalThis.XMLHttpRequest) {
    const answer = await session.fetch(url, { method: "PUT", headers, body: file, signal }).catch(() => null);
    return answer?.status ?? 503;
  }
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => resolve(request.status);
    request.onerror = request.onabort = () => resolve(503);
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
