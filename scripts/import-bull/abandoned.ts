import { readJobs } from "./job.ts";
import type { Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";

/**
 * Active jobs whose worker is dead: without a lock at two looks that lie the lock's duration apart, and not started anew in between.
 * While a worker of the queue lives, it finds them itself; without one nothing would.
 */
export class Abandoned {
  readonly #lockMs: number;
  readonly #since = new Map<string, { at: number; started: string }>();

  constructor(lockMs: number) {
    this.#lockMs = lockMs;
  }

  /** Looks at the active jobs. @returns Those that have been without a lock for long enough. */
  async look(connection: Connection, queue: Queue, now: number): Promise<string[]> {
    const ids = await connection.client.lrange(`${queue.base}active`, 0, -1);
    const jobs = await readJobs(
      connection,
      queue,
      "active",
      ids.map((id) => ({ id, score: "" })),
    );
    const suspects = new Map(jobs.filter(({ why }) => why === "").map(({ id, started }) => [id, started]));
    for (const [id, { started }] of this.#since) if (suspects.get(id) !== started) this.#since.delete(id);
    for (const [id, started] of suspects) if (!this.#since.has(id)) this.#since.set(id, { at: now, started });
    return [...this.#since].filter(([, { at }]) => now - at >= this.#lockMs).map(([id]) => id);
  }

  /** Milliseconds until the next look may find one; 0 when there is no suspect. */
  wait(now: number): number {
    const waits = [...this.#since.values()].map(({ at }) => at + this.#lockMs - now);
    return waits.length === 0 ? 0 : Math.max(1, Math.min(...waits));
  }
}
