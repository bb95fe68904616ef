/** A socket that comes back: after a random, growing delay, and when it has fallen silent. */

const STAY_AWAY = new Set([4000, 4001, 4003, 4004, 4005]); // close codes that reconnecting can't cure
const QUIET = 15_000; // ms without a frame after which we ask whether the server is there
const DEAD = 40_000; // ms without a frame after which we no longer believe it
const SLOWEST = 30_000; // ms between two tries to connect, at most

/** The line went away; what was under way is tried again by itself. */
export class Lost extends Error {}

/** Who extends it has `address()`, `hear(frame)`, `dropped()`, and says when it is "open". */
export class Line extends EventTarget {
  state = "closed"; // "connecting", "open", "waiting" (for the next try), "ended" (for good)
  ended = null; // the close event that ended it
  socket = null;
  #tries = 0;
  #timer = 0;
  #heard = 0;
  #watch = 0;

  constructor(site) {
    super();
    this.site = site;
  }

  open() {
    clearTimeout(this.#timer);
    if (this.state !== "open") this.#connect();
  }

  #connect() {
    this.#drop();
    this.ended = null;
    this.become("connecting");
    const socket = new WebSocket(this.address(), ["Bearer", this.site.token]);
    socket.onmessage = (event) => {
      this.#heard = Date.now();
      this.hear(JSON.parse(event.data));
    };
    socket.onclose = (event) => this.#lose(event);
    this.socket = socket;
    this.#listen();
  }

  close() {
    clearTimeout(this.#timer);
    this.#drop();
    this.become("closed");
  }

  /** Doesn't wait for the next try: the network is back, or someone looks at the page. */
  hurry() {
    if (this.state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  become(state) {
    this.state = state;
    if (state === "open") this.#tries = 0;
    this.emit("state");
  }

  tell(frame) {
    if (this.state === "open") this.socket.send(JSON.stringify(frame));
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #drop() {
    clearInterval(this.#watch);
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.dropped();
  }

  #lose(event) {
    this.#drop();
    if (STAY_AWAY.has(event.code)) {
      this.ended = event;
      return this.become("ended");
    }
    const wait = Math.min(SLOWEST, 500 * 2 ** this.#tries++) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.become("waiting");
  }

  /** A line can die without a word (a laptop asleep, a lost network): silence is asked, then given up. */
  #listen() {
    this.#heard = Date.now();
    this.#watch = setInterval(() => {
      const silence = Date.now() - this.#heard;
      if (silence > DEAD) this.#lose({ code: 1006 });
      else if (silence > QUIET) this.tell({ action: "ping" });
    }, QUIET / 3);
  }
}
