/** A list that forgets its oldest items: it never holds more than `count` of them, nor more than `weight` in sum. */
export class Bounded<T> {
  readonly #most: { count: number; weight: number };
  #items: { value: T; weight: number }[] = [];
  #weight = 0;

  constructor(most: { count: number; weight: number }) {
    this.#most = most;
  }

  push(value: T, weight: number): void {
    this.#items.push({ value, weight });
    this.#weight += weight;
    while (this.#items.length > this.#most.count || (this.#weight > this.#most.weight && this.#items.length > 1)) {
      this.#weight -= this.#items.shift()?.weight ?? 0;
    }
  }

  clear(): void {
    this.#items = [];
    this.#weight = 0;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Those that fit, at most `limit` of the newest, newest last. */
  newest(limit: number, fits: (value: T) => boolean): T[] {
    const found: T[] = [];
    for (let index = this.#items.length - 1; index >= 0 && found.length < limit; index--) {
      const item = this.#items[index];
      if (item && fits(item.value)) found.push(item.value);
    }
    return found.reverse();
  }
}
