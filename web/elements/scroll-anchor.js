/** Keeps what the reader looks at where it is, whatever grows, comes or goes above and below it. */

const NEAR = 60; // pixels from the end that still count as the end

export class ScrollAnchor {
  /** @type {{ node: Element, offset: number } | undefined} */
  #held;
  atEnd = true;

  /** @param {HTMLElement} scroller @param {HTMLElement} list */
  constructor(scroller, list) {
    this.scroller = scroller;
    this.list = list;
    this.resized = new ResizeObserver(() => this.restore());
    this.resized.observe(scroller);
    this.resized.observe(list);
  }

  stop() {
    this.resized.disconnect();
  }

  /** Notes what the reader looks at; called after each scroll. */
  note() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    const node = this.atEnd ? undefined : this.#firstVisible();
    this.#held = node && { node, offset: this.#topOf(node) };
  }

  /** Where it stands in the scroller. @param {Element} node */
  #topOf(node) {
    return node.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  /** Puts it back to where it was; called after each change and before the next paint. */
  restore() {
    const { scroller } = this;
    const held = this.#held;
    if (this.atEnd) scroller.scrollTop = scroller.scrollHeight;
    else if (held?.node.isConnected) {
      const moved = this.#topOf(held.node) - held.offset;
      if (Math.abs(moved) >= 1) scroller.scrollTop += moved;
    }
  }

  /** Before rows are removed: holds on to one that stays. @param {Set<Node>} kept */
  keepTo(kept) {
    let node = /** @type {Element | null | undefined} */ (this.#held?.node);
    while (node && !kept.has(node)) node = node.nextElementSibling;
    if (node && node !== this.#held?.node) this.#held = { node, offset: this.#topOf(node) };
  }

  toEnd() {
    this.atEnd = true;
    this.restore();
  }

  /** Scrolls a row to a share of the height. @param {Element} node @param {number} share */
  showAt(node, share) {
    this.atEnd = false;
    const room = Math.max(0, this.scroller.clientHeight - node.clientHeight);
    this.scroller.scrollTop += this.#topOf(node) - room * share;
    this.note();
  }

  /** Lines of days stay above what comes. */
  #firstVisible() {
    const { top } = this.scroller.getBoundingClientRect();
    return [...this.list.querySelectorAll(".row")].find((row) => row.getBoundingClientRect().bottom > top + 1);
  }
}
