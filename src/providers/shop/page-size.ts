interface PaceLimits {
  min: number;
  start: number;
  max: number;
  /** Seconds: a page under `quick` is followed by a larger one, a page over `slow` by one half its size. */
  quick: number;
  slow: number;
  growth: number;
}

/** The number of rows of a page. The shop loads each row by separate queries, on the server that serves its shoppers. */
export class PageSize {
  readonly #limits: PaceLimits;
  #size: number;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#size = limits.start;
  }

  get size(): number {
    return this.#size;
  }

  set size(rows: number) {
    const { min, max } = this.#limits;
    if (Number.isFinite(rows)) this.#size = Math.max(min, Math.min(max, Math.floor(rows)));
  }

  /** Adapts after a page of `rows` that took the shop `seconds`. A page that was not full does not show whether a larger one is possible. */
  observe(seconds: number, rows: number): void {
    const { quick, slow, growth } = this.#limits;
    if (seconds > slow) this.size = Math.min(this.#size, rows || this.#size) / 2;
    else if (seconds < quick && rows >= this.#size) this.size = this.#size * growth;
  }

  /** Shrinks after a page that was too large for the shop. False: it is at its minimum. */
  shrink(): boolean {
    const before = this.#size;
    this.size = before / 4;
    return this.#size < before;
  }
}
