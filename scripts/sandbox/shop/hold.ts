/** Holds calls back until they are released, so that a test can act exactly between two calls. */
export class Hold {
  #left = Infinity;
  #waiting = 0;
  #released = Promise.withResolvers<void>();

  /** Calls that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** From the so-manieth call on, each waits. 1 is the next one. */
  from(call: number): void {
    this.#left = call;
  }

  /** Lets all go, those to come as well. */
  release(): void {
    this.#left = Infinity;
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  async pass(): Promise<void> {
    if (--this.#left > 0) return;
    this.#waiting++;
    await this.#released.promise;
    this.#waiting--;
  }
}
