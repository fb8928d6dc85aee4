import { sendStored } from "./tick/bring-back";
import type { Engine } from "./engine";
import { timeOf } from "./id";
import type { JobRef } from "./ports/job-row";
import type { Revived } from "./ports/operator-ledger";
import { queuedNow } from "./placement";
import type { JobState } from "./state";
import { dayMs, minRetentionDays } from "../time/day";

/** States from which an operator may bring a job back or forward. */
const revivable: readonly JobState[] = ["dead", "discarded", "cancelled", "waiting", "retrying", "queued"];

/**
 * Cancels a job: at once when no run holds it, else within seconds by its flag. A job without a row gets a cancelled one, which its claim
 * honours. Null: the tenant has no such job.
 */
export async function cancel(engine: Engine, ref: JobRef): Promise<{ state: JobState; flagged: boolean; changed: boolean } | null> {
  const now = engine.now();
  return engine.ledger.cancel(ref, now, (await isOnItsWay(engine, ref)) ? (timeOf(ref.id) ?? now) : undefined);
}

/** Whether a job that has no row may still get one: its id is genuine and not too old. */
export async function isOnItsWay(engine: Engine, { tenant, id }: JobRef): Promise<boolean> {
  return mayBeUnwritten(id, engine.now()) && engine.ids.belongs(tenant, id);
}

/** Whether an id without a row may be a job whose message is under way. An older job had a row, which was removed. */
export function mayBeUnwritten(id: string, now: number): boolean {
  const made = timeOf(id);
  return made === undefined || now - made <= minRetentionDays * dayMs;
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

/** A job as it was seen before it is brought forward. */
export type SeenJob = JobRef & { state: JobState; due: number | null };

/** Runs delayed, waiting or retrying jobs at once if they are still as `seen`. Returns those that were changed: nothing holds the others back, or their state has changed. */
export async function runNow(engine: Engine, seen: readonly SeenJob[]): Promise<JobRef[]> {
  const now = engine.now();
  // A queued job that is not delayed has its message on the way already.
  const isDelayed = ({ state, due }: SeenJob) => state === "queued" && due !== null && due > now;
  const bring = (jobs: readonly SeenJob[], from: JobState[]) =>
    retryNow(
      engine,
      jobs.map(({ tenant, id }) => ({ tenant, id })),
      { event: "brought forward", from },
    );
  const delayed = await bring(seen.filter(isDelayed), ["queued"]);
  return [
    ...delayed,
    ...(await bring(
      seen.filter((job) => !isDelayed(job)),
      ["waiting", "retrying"],
    )),
  ];
}
