/**
 * The notifications socket without the client: counts for a launcher and a badge, in few bytes. Loaded
 * where no element of the page needs the whole client.
 */

const END_CODES = new Set([4000, 4003, 4005]); // close codes that another try does not cure
const SLOWEST = 60_000; // ms between two tries, at most
const SILENCE = 25_000; // ms without a frame after which the server is asked; twice that ends the socket

/** Comes back after losses, and asks for a new token once when the old one has expired. */
export class UnreadSocket {
  #tries = 0;
  #refused = 0;
  #heard = 0;
  #ended = false;
  #turn = 0; // grows with each try to connect
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} server
   * @param {import("./session.js").Login} login
   * @param {{ unread: (unread: import("./session.js").Unread) => void, state: (state: string) => void }} tell
   */
  constructor(server, login, tell) {
    this.url = new URL("ws/chat/notifications/?format=flat", server);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    this.login = login;
    this.tell = tell;
    this.watch = setInterval(() => this.#check(), SILENCE);
    this.back = () => this.#socket || this.#connect();
    addEventListener("online", this.back);
    void this.#connect();
  }

  close() {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearInterval(this.watch);
    removeEventListener("online", this.back);
    this.#socket?.close();
  }

  async #connect() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), SILENCE); // a token that is never answered is asked for again
    const turn = ++this.#turn;
    const { token, getToken } = this.login;
    const bearer = await Promise.resolve().then(() => getToken?.() ?? token).catch(() => null);
    if (this.#ended || turn !== this.#turn) return;
    clearTimeout(this.#timer);
    if (bearer === null) return this.#again();
    const socket = bearer ? new WebSocket(this.url, ["Bearer", bearer.trim()]) : new WebSocket(this.url);
    this.#socket = socket;
    this.#heard = Date.now();
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => this.#lose(event.code);
  }

  /** @param {{ type: string, counter: number, messages: { room_id: number, counter_by_room: number }[] }} frame */
  #receive(frame) {
    this.#heard = Date.now();
    if (frame.type !== "notify") return;
    this.#tries = this.#refused = 0;
    const rooms = frame.messages.map((item) => ({ room_id: item.room_id, unread: item.counter_by_room }));
    this.tell.state("open");
    this.tell.unread({ total: frame.counter, rooms });
  }

  /** @param {number} code */
  #lose(code) {
    this.#socket = null;
    if (this.#ended) return;
    if (END_CODES.has(code) || (code === 4001 && (!this.login.getToken || this.#refused++))) return this.tell.state("signedout");
    this.tell.state("waiting");
    this.#again();
  }

  #again() {
    const wait = Math.min(SLOWEST, 500 * 2 ** this.#tries++) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #check() {
    const silence = Date.now() - this.#heard;
    if (this.#socket?.readyState !== 1) return;
    if (silence > 2 * SILENCE) this.#socket.close();
    else if (silence > SILENCE) this.#socket.send('{"action":"ping"}');
  }
}
