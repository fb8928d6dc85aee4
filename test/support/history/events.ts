import { env } from "cloudflare:workers";
import type { JobState } from "../../../src/queue/state";

/** One generation of a job, as a message carries it. */
export interface Ref {
  tenant: string;
  id: string;
  seq: number;
}

/** What of a row of the ledger is seen from outside. */
export interface SeenRow extends Ref {
  state: JobState;
  lease: string | null;
  until: number;
  runs: number;
  attempt: number;
  sent: number | null;
  ended: number | null;
  fp: string | null;
}

/** How a run ended: what it returned, or what it threw. `revoked`: its context refused, so the engine decides. */
export type Said = "done" | "retry" | "wait" | "again" | "discard" | "revoked";

/** What happens in a history. An isolate is a number; null is an operator or the model itself. Times are milliseconds of the true clock. */
export type HistoryEvent =
  | { is: "accepted"; tenant: string; id: string }
  /** An operator asked for one more run. */
  | { is: "asked"; tenant: string; id: string }
  | ({ is: "sent" | "refused"; queue: string; isolate: number } & Ref)
  | { is: "delivered"; message: string; queue: string; jobs: readonly (Ref & { fp: string | null })[]; isolate: number }
  | { is: "acked"; message: string; isolate: number }
  | { is: "row"; row: SeenRow; before: SeenRow | undefined; isolate: number | null; call: string; at: number }
  | { is: "gone"; tenant: string; id: string }
  | { is: "started"; tenant: string; id: string; isolate: number; gates: readonly { name: string; limit: number }[]; at: number }
  | { is: "ended"; tenant: string; id: string; isolate: number; said: Said }
  /** A call reached the provider. `remembers`: it does nothing for a key it knows. */
  | { is: "called"; tenant: string; id: string; effect: string; key: string; remembers: boolean }
  | { is: "announced"; tenant: string; id: string; state: string; isolate: number }
  | { is: "died"; isolate: number }
  /** Everything works again and nothing is left to do. */
  | { is: "rest" };

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

  /** Does one call of the ledger and notes which rows it changed, before its caller hears the answer. One call at a time. */
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

/** The jobs that a message carries: one, or those of a pack. */
export function jobsIn(body: unknown): (Ref & { fp: string | null })[] {
  const { tenant, jobs } = body as { tenant: string; jobs?: readonly Partial<Ref>[] };
  return (jobs ?? [body as Ref]).map((job) => ({ tenant, id: "", seq: 0, fp: null, ...job }));
}
