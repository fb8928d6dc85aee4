import { env } from "cloudflare:workers";
import type { HistoryEvent, SeenRow } from "./events";

const columns = "tenant, id, state, seq, lease, until, runs, attempt, sent, ended, fp";

/** The history of one world, in the order in which it happened. */
export class History {
  readonly events: HistoryEvent[] = [];
  private rows = new Map<string, SeenRow>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly now: () => number) {}

  note(event: HistoryEvent): void {
    this.events.push(event);
  }

  /** Does one call of the ledger and notes which rows it changed, before its caller gets the answer. One call at a time. */
  watch<T>(call: string, isolate: number | null, work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(async () => {
      try {
        return await work();
      } finally {
        await this.look(call, isolate);
      }
    });
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async look(call: string, isolate: number | null): Promise<void> {
    const { results } = await env.DB.prepare(`SELECT ${columns} FROM jobs`).all<SeenRow>();
    const rows = new Map(results.map((row) => [`${row.tenant}/${row.id}`, row]));
    for (const [key, row] of rows) {
      const before = this.rows.get(key);
      if (!before || JSON.stringify(before) !== JSON.stringify(row)) this.note({ is: "row", row, before, isolate, call, at: this.now() });
    }
    for (const [key, { tenant, id }] of this.rows) if (!rows.has(key)) this.note({ is: "gone", tenant, id });
    this.rows = rows;
  }
}
