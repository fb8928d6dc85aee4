const quick = 2;
const slow = 5;

/**
 * How many rows a page has. The shop loads each row by queries of its own, in the pool that serves its shoppers: a page that took it more than
 * 5 s is halved, one under 2 s grows by half.
 */
export class Pace {
  readonly #least: number;
  readonly #most: number;
  #size: number;

  constructor(limits: { least: number; start: number; most: number }) {
    this.#least = limits.least;
    this.#most = limits.most;
    this.#size = limits.start;
  }

  get size(): number {
    return this.#size;
  }

  set size(rows: number) {
    if (Number.isFinite(rows)) this.#size = Math.max(this.#least, Math.min(this.#most, Math.floor(rows)));
  }

  /** After a page of `rows` that took the shop `seconds`. One that was not full says nothing about a larger one. */
  took(seconds: number, rows: number): void {
    if (seconds > slow) this.size = Math.min(this.#size, rows || this.#size) / 2;
    else if (seconds < quick && rows >= this.#size) this.size = this.#size * 1.5;
  }

  /** After a page that was too much for the shop: false when it can be no smaller. */
  shrink(): boolean {
    const before = this.#size;
    this.size = before / 4;
    return this.#size < before;
  }
}
