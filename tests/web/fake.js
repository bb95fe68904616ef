/** A server in memory: sockets and HTTP for the client, with everything it was asked. */

/** Lets all promises and microtasks run. */
export async function settle() {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
}

export const jwt = (sub, exp) => `h.${btoa(JSON.stringify({ sub, exp }))}.s`;

/** One end of a socket that the test holds. */
export class FakeSocket {
  readyState = 0;

  constructor(wire, url, protocols) {
    this.wire = wire;
    this.url = new URL(url);
    this.protocols = protocols;
    this.sent = [];
    wire.sockets.push(this);
    wire.onSocket?.(this);
  }

  get query() {
    return Object.fromEntries(this.url.searchParams);
  }

  get actions() {
    return this.sent.filter(({ action }) => action !== "ping");
  }

  send(text) {
    const frame = JSON.parse(text);
    this.sent.push(frame);
    if (frame.action === "ping" && this.wire.answersPings) this.receive({ type: "pong" });
    this.onFrame?.(frame);
  }

  close() {
    this.isClosed = true;
  }

  /** What the server says. */
  receive(frame) {
    if (!this.isClosed) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  drop(code = 1006) {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onclose?.({ code });
  }
}

export class Wire {
  sockets = [];
  requests = [];
  answersPings = true;
  routes = { "GET chat/me/": () => ({ user_id: 1, name: "Ada", picture: null, expires_at: null }) };

  constructor() {
    const wire = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        super(wire, url, protocols);
      }
    };
    this.fetch = async (url, init = {}) => {
      const { pathname, searchParams } = new URL(url);
      const path = pathname.replace(/^.*\/api\/v1\//, "");
      const query = Object.fromEntries(searchParams);
      const body = typeof init.body === "string" ? JSON.parse(init.body) : init.body;
      const method = init.method ?? "GET";
      const request = { method, path, query, body, headers: init.headers ?? {}, signal: init.signal };
      this.requests.push(request);
      const route = this.routes[`${method} ${path}`] ?? this.routes["*"];
      if (!route) return answer(404, { detail: "There is nothing here.", code: "not_found" });
      const found = await route(request);
      return found instanceof Response ? found : answer(200, found);
    };
  }

  options(more = {}) {
    const { fetch, WebSocket } = this;
    return { server: "http://site.example/chat/", token: jwt(1), storage: null, fetch, WebSocket, ...more };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** The last socket of a room, or of the notifications. */
  find(room) {
    return this.sockets.findLast(({ query }) => (room ? query.room_id === String(room) : !query.room_id));
  }

  asked(method, path) {
    return this.requests.filter((one) => one.method === method && one.path === path);
  }
}

export function answer(status, body, headers = {}) {
  return new Response(status === 204 ? null : JSON.stringify(body), { status, headers });
}

let clock = Date.parse("2026-01-01T00:00:00Z");

/** A message as the server sends it. */
export function message(message_id, more = {}) {
  clock += 1000;
  const at = new Date(clock).toISOString();
  return {
    message_id, room_id: 4, sender_id: 2, text: `text ${message_id}`, status: "send", attachments: [],
    created_at: at, updated_at: at, version: message_id, ...more,
  };
}

export function sync(messages = [], more = {}) {
  const version = Math.max(0, ...messages.map((one) => one.version));
  const receipts = [1, 2].map((user_id) => ({ user_id, delivered: 0, read: 0 }));
  return { type: "sync", epoch: "e1", version, messages, deleted: [], receipts, reset: true, ...more };
}

export const chat_message = (one) => ({ type: "chat_message", message: one, version: one.version });

export function room(room_id, more = {}) {
  const members = [1, 2].map((user_id) => ({ user_id, name: `user ${user_id}`, picture: null, online: false, last_seen: null }));
  return { room_id, title: "", context: "", created_at: "2026-01-01T00:00:00Z", members, unread: 0, last_message: null, ...more };
}

/** A storage that outlives the clients of a test. */
export function memoryStorage() {
  const values = new Map();
  return {
    get: (key) => values.get(key),
    set: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}
