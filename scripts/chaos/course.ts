import { setTimeout as passing } from "node:timers/promises";

/**
 * The time of a schedule: it goes with the clock, and stands still while the sender is behind. So a fault meets the posts that it was drawn
 * for on a busy machine, too.
 */
export class Course {
  readonly #begun = performance.now();
  #sentTo = 0;
  #waiting: { at: number; go: () => void }[] = [];

  /** For the sender: resolves at this time of the clock. */
  async send(at: number): Promise<void> {
    await passing(Math.max(0, this.#begun + at - performance.now()));
    this.#reach(at);
  }

  /** Everything is sent: what is left of the schedule goes by the clock alone. */
  end(): void {
    this.#reach(Infinity);
  }

  /** Resolves when the clock and the sender have come so far. */
  async reached(at: number): Promise<void> {
    if (this.#sentTo < at) await new Promise<void>((go) => this.#waiting.push({ at, go }));
    await passing(Math.max(0, this.#begun + at - performance.now()));
  }

  #reach(at: number): void {
    this.#sentTo = Math.max(this.#sentTo, at);
    const due = this.#waiting.filter((each) => each.at <= this.#sentTo);
    this.#waiting = this.#waiting.filter((each) => each.at > this.#sentTo);
    for (const { go } of due) go();
  }
}
