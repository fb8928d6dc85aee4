import type { JobState } from "../../../src/queue/state.ts";

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
export type RunEnd = "done" | "retry" | "wait" | "again" | "discard" | "revoked";

/** What happens in a history. An isolate is a number; null is an operator or the model itself. Times are milliseconds of the true clock. */
export type HistoryEvent =
  | { is: "accepted"; tenant: string; id: string }
  /** An operator asked for one more run. */
  | { is: "brought-back"; tenant: string; id: string }
  | ({ is: "sent" | "refused"; queue: string; isolate: number } & Ref)
  | { is: "delivered"; message: string; queue: string; jobs: readonly (Ref & { fp: string | null })[]; isolate: number }
  | { is: "acked"; message: string; isolate: number }
  | { is: "row"; row: SeenRow; before: SeenRow | undefined; isolate: number | null; call: string; at: number }
  /** A row as a look at the ledger finds it, whose way there was not seen. */
  | { is: "found"; row: SeenRow }
  | { is: "gone"; tenant: string; id: string }
  | { is: "started"; tenant: string; id: string; isolate: number; gates: readonly { name: string; limit: number }[]; at: number }
  | { is: "ended"; tenant: string; id: string; isolate: number; end: RunEnd }
  /** A call reached the provider. `remembers`: it does nothing for a key it has seen. */
  | { is: "called"; tenant: string; id: string; effect: string; key: string; remembers: boolean }
  | { is: "announced"; tenant: string; id: string; state: string; isolate: number }
  | { is: "died"; isolate: number }
  /** Everything works again and nothing is left to do. */
  | { is: "rest" };

/** The jobs that a message carries: one, or those of a pack. */
export function jobsIn(body: unknown): (Ref & { fp: string | null })[] {
  const { tenant, jobs } = body as { tenant: string; jobs?: readonly Partial<Ref>[] };
  return (jobs ?? [body as Ref]).map((job) => ({ tenant, id: "", seq: 0, fp: null, ...job }));
}
