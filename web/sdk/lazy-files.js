/** Files in a message: small ones in its frame, others by PUT. Loaded with the first of them. */

const INLINE = 65_536; // bytes of a file above which it is uploaded by PUT

/**
 * The entries of a frame's `files`. Raises errors of the session's kind.
 * @param {import("./session.js").UserSession} session
 * @param {number} room_id
 * @param {File[]} files
 * @param {Map<File, string>} paths of those that were uploaded already
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress from 0 to 1, over all that are uploaded
 */
export async function attach(session, room_id, files, paths, signal, onProgress) {
  const total = files.reduce((sum, { size }) => sum + (size > INLINE ? size : 0), 0);
  let done = [...paths.keys()].reduce((sum, { size }) => sum + size, 0);
  const entries = [];
  for (const file of files) {
    const about = { name: file.name ?? "file", size: file.size, type: file.type || "application/octet-stream" };
    if (file.size <= INLINE) {
      entries.push({ ...about, data: await base64(file) });
      continue;
    }
    if (!paths.has(file)) {
      const progress = (/** @type {number} */ sent) => onProgress((done + sent) / total);
      progress(0);
      paths.set(file, await upload(session, { room_id, ...about }, file, signal, progress));
      done += file.size;
    }
    entries.push({ file_path: paths.get(file) });
  }
  return entries;
}

/** @param {Blob} file */
async function base64(file) {
  let binary = "";
  for (const byte of new Uint8Array(await file.arrayBuffer())) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * Uploads a file; the path by which a message names it.
 * @param {import("./session.js").UserSession} session
 * @param {{ room_id: number, name: string, size: number, type: string }} about
 * @param {File} file
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onProgress
 * @returns {Promise<string>}
 */
async function upload(session, about, file, signal, onProgress) {
  const offer = await session.request("POST", "chat/attachments/", { body: about, signal });
  const headers = Object.entries(offer.headers ?? {}).filter(([name]) => !/^(host|content-length)$/i.test(name));
  const status = await put(session, offer.presigned_url, Object.fromEntries(headers), file, signal, onProgress);
  if (status < 300) return offer.file_path;
  const code = { 400: "file_invalid", 413: "file_too_large" }[status];
  throw session._errors.errorOf({ code: code ?? "storage_unavailable" }, status); // then a new address is asked for
}

/**
 * By XMLHttpRequest where there is one, because fetch can't tell how far it is; 503 where nothing answers.
 * @param {import("./session.js").UserSession} session
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
