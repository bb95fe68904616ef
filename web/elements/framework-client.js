/** The client of the elements for a framework's hooks: it is there at once, without the views. */

import { openChat } from "./open-chat.js";
import { addressOf, sessionOf } from "./session.js";

/** One session with the elements of the same server; it ends some time after nobody holds it any more. */
export class FrameworkClient {
  /** @param {import("./session.js").Login & { server?: string }} options */
  constructor({ server, token, getToken }) {
    this.server = addressOf(server);
    this.link = sessionOf(this.server);
    this.login({ ...(token && { token }), ...(getToken && { getToken }) });
  }

  /** @param {import("./session.js").Login} own */
  login(own) {
    this.link.login(own);
  }

  /** The client of the SDK: another one after another user has signed in, null after the user has signed out. */
  get chat() {
    const chat = this.link.open(openChat);
    return chat.state === "ended" ? null : chat;
  }

  /** Keeps it open. @param {() => void} changed called when `chat` is another one @returns {() => void} what ends that */
  hold(changed) {
    const { link } = this;
    const listening = new AbortController();
    const { signal } = listening;
    const later = () => queueMicrotask(() => signal.aborted || changed()); // a framework may be rendering now
    for (const name of ["restart", "signedout"]) link.addEventListener(name, later, { signal });
    link.hold(this);
    if (!link.chat) changed(); // it had ended meanwhile
    return () => {
      listening.abort();
      link.release(this);
    };
  }
}

export { configure } from "./session.js";
