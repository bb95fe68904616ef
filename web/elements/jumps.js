/** The way to a message or a day that is not loaded yet: it can be given up, and a failure is said. */

export class Jumps {
  /** @type {AbortController | null} */
  #underWay = null;

  /** @param {any} history the messages */
  constructor(history) {
    this.history = history;
  }

  get isUnderWay() {
    return this.#underWay !== null;
  }

  /** Leaves the reader where they are. */
  stop() {
    this.#underWay?.abort();
    this.#underWay = null;
    this.history.view.tools.showPill();
  }

  /** Goes to a message. @param {number} message_id */
  async to(message_id) {
    const { history } = this;
    const isLoaded = Boolean(history.find(message_id));
    if (!(await this.#load(isLoaded ? null : (signal) => history.model.around(message_id, { signal })))) return false;
    if (!history.find(message_id)) {
      history.view.notice(history.words.say("notFound"));
      return false;
    }
    history.extras.reading.show(message_id, 0.4);
    const box = history.rowOf(message_id)?.box;
    box?.focus({ preventScroll: true });
    box?.classList.remove("found");
    void box?.offsetWidth; // else the animation does not start again
    box?.classList.add("found");
    return true;
  }

  /** Goes to the first message of a day. @param {Date} date */
  async toDate(date) {
    const { history } = this;
    if (!(await this.#load((signal) => history.model.at(date, { signal })))) return;
    const { messages } = history.snapshot;
    const target = messages.find((/** @type {any} */ one) => new Date(one.created_at) >= date) ?? messages.at(-1);
    if (target) history.extras.reading.show(target.message_id, 0.1);
  }

  /** Whether the way is free to go. @param {((signal: AbortSignal) => Promise<any>) | null} load */
  async #load(load) {
    const { history } = this;
    this.stop();
    if (!load) return true;
    const { signal } = (this.#underWay = new AbortController());
    history.view.tools.showPill();
    const error = await load(signal).then(() => null, (/** @type {any} */ why) => why);
    if (signal.aborted || history.isOver) return false;
    this.stop();
    if (error) history.view.notice(history.view.tools.reason(error), true);
    return !error;
  }
}
