/** One socket for all of a user's rooms: it says that something is new, and how much is unread. */

import { Line } from "./line.js";

/** Events: "rung" (something is new in some room), "state". */
export class Bell extends Line {
  counter = null; // unread messages in all rooms but the muted; null while nobody says

  address() {
    return this.site.bellUrl();
  }

  hear(frame) {
    if (frame.type !== "notify") return;
    this.counter = frame.counter;
    if (this.state !== "open") this.become("open");
    this.emit("rung");
  }

  dropped() {
    this.counter = null;
  }
}
