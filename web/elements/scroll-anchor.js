/** Keeps what the reader looks at where it is, whatever grows, comes or goes above and below it. */

const NEAR = 60; // pixels from the end that still count as the end

export class ScrollAnchor {
  /** @type {{ node: Element, offset: number } | null} */
  #held = null;
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
    this.#held = null;
    const top = this.scroller.getBoundingClientRect().top;
    const node = this.#firstVisible(top);
    if (node) this.#held = { node, offset: node.getBoundingClientRect().top - top };
  }

  /** Puts it back to where it was; called after each change and before the next paint. */
  restore() {
    if (this.atEnd) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
      return;
    }
    if (!this.#held?.node.isConnected) return;
    const top = this.scroller.getBoundingClientRect().top;
    const moved = this.#held.node.getBoundingClientRect().top - top - this.#held.offset;
    if (Math.abs(moved) >= 1) this.scroller.scrollTop += moved;
  }

  /** Before rows are removed: holds on to one that stays. @param {(node: Element) => boolean} stays */
  keepTo(stays) {
    if (this.atEnd || !this.#held || stays(this.#held.node)) return;
    const top = this.scroller.getBoundingClientRect().top;
    let node = /** @type {Element | null} */ (this.#held.node);
    while (node && !stays(node)) node = node.nextElementSibling;
    this.#held = node && { node, offset: node.getBoundingClientRect().top - top };
  }

  toEnd() {
    this.atEnd = true;
    this.restore();
  }

  /** Scrolls a row to a share of the height. @param {Element} node @param {number} share */
  showAt(node, share) {
    this.atEnd = false;
    const { top, height } = this.scroller.getBoundingClientRect();
    const box = node.getBoundingClientRect();
    const room = Math.max(0, height - box.height);
    this.scroller.scrollTop += box.top - top - room * share;
    this.note();
  }

  /** @param {number} top */
  #firstVisible(top) {
    const rows = this.list.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom <= top + 1) low = middle + 1;
      else high = middle;
    }
    while (rows[low] && !rows[low].classList.contains("row")) low += 1; // lines of days stay above what comes
    return rows[low];
  }
}
