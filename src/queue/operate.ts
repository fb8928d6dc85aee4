import { sendStored } from "./bring-back";
import type { Engine } from "./engine";
import type { JobRef } from "./job-row";
import type { Revived } from "./operator-ledger";
import { queuedNow } from "./placement";
import type { JobState } from "./state";

/** States from which an operator may bring a job back or forward. */
const revivable: readonly JobState[] = ["dead", "discarded", "cancelled", "waiting", "retrying", "queued"];

/** Ends a job: at once when nobody holds it, within seconds by its flag otherwise. Null: the ledger does not know it. */
export function cancel(engine: Engine, ref: JobRef): Promise<{ state: JobState; flagged: boolean; changed: boolean } | null> {
  return engine.ledger.cancel(ref, engine.now());
}

/** Runs ended (not done) jobs once more, and held-back ones at once. Returns those that were changed. */
export async function retryNow(
  engine: Engine,
  jobs: readonly Revived[],
  how: { event: string; from?: readonly JobState[]; replay?: string },
): Promise<JobRef[]> {
  const now = engine.now();
  const place = queuedNow(now);
  const rows = await engine.ledger.revive(jobs, { ...how, from: how.from ?? revivable, boot: engine.boot, place }, now);
  await sendStored(engine, rows, now, () => place);
  return rows;
}

/** Brings a job forward that is delayed, waits or is retrying, as it was `seen`. False: nothing holds it back, or it moved on meanwhile. */
export async function runNow(engine: Engine, ref: JobRef, seen: { state: JobState; due: number | null }): Promise<boolean> {
  // A queued job that is not delayed has its message on the way already.
  const isDelayed = seen.state === "queued" && seen.due !== null && seen.due > engine.now();
  const from: JobState[] = isDelayed ? ["queued"] : ["waiting", "retrying"];
  return (await retryNow(engine, [ref], { event: "brought forward", from })).length > 0;
}
