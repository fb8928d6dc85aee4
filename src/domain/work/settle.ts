import { sha256Hex } from "../../crypto";
import { below, check } from "../../queue/validate";
import type { HeldJob } from "../../ledger/work/model";
import type { JobRef } from "../../queue/ports/job-row";
import { again, discard, done, maxCursor, maxResult, type Outcome, retry, wait } from "../../queue/outcome";
import { keyOf } from "../../queue/ref";
import { isTerminal, type JobState } from "../../queue/state";
import { conclude } from "./conclude";
import { maskedReasons } from "./masked-reason";
import type { WorkDeps } from "./deps";
import { leaseLost, noSuchJob, workRefusal, standingOf, type WorkRefusal } from "./model";
import type { SettlementRequest } from "./requests";
import { reclaimHeld } from "./held-job";
import { hasUploaded } from "./upload-result";
import { minuteMs } from "../../time/day";

type WorkerOutcome = { kind: "done"; result?: unknown; resultId?: string | undefined } | Exclude<SettlementRequest["outcome"], { kind: "done" }>;
type WorkerSettlement = JobRef & { lease: string; outcome: WorkerOutcome };

export type SettleResult = { ok: true; state: JobState; at: number } | WorkRefusal;

/**
 * Records workers' outcomes, each by itself. A repeat gets the same answer; another outcome under a settled lease is
 * refused. An expired lease is valid until another worker takes the job. `done` wins over a cancel; any other outcome becomes `cancelled`.
 */
export async function settle(deps: WorkDeps, settlements: readonly WorkerSettlement[]): Promise<SettleResult[]> {
  const now = deps.engine.now();
  const rows = new Map((await deps.ledger.held(settlements)).map((row) => [keyOf(row), row]));
  const judged = await Promise.all(settlements.map((each) => answerOrFit(deps, each, rows.get(keyOf(each)))));
  const shelved = judged.flatMap((each) => ("job" in each && each.isShelved ? [each.job] : []));
  const back = await reclaimHeld(deps, shelved, now);
  const ready = judged.map((each) => ("job" in each && each.isShelved && !back.has(keyOf(each.job)) ? leaseLost(each.job.state) : each));
  // A job that is settled twice in one call is recorded once; both get that answer.
  const first = new Map(ready.flatMap((each, index) => ("job" in each ? [[keyOf(each.job), index] as const] : [])).toReversed());
  const open = ready.flatMap((each, index) => ("job" in each && first.get(keyOf(each.job)) === index ? [each] : []));
  const reasons = await reasonsOf(deps, open);
  const recorded = await conclude(
    deps,
    open.map(({ job, digest, outcome }, index) => ({
      job: wasReclaimed(job, back, now),
      outcome: outcomeFrom(outcome, reasons[index]),
      started: true,
      digest,
      isUploaded: isUploaded(outcome),
    })),
    now,
  );
  const answers = ready.map((each): SettleResult | undefined => {
    if (!("job" in each)) return each;
    const row = recorded.get(keyOf(each.job));
    if (!row) return leaseLost(each.job.state);
    const firstFit = ready[first.get(keyOf(each.job)) ?? -1];
    return firstFit && "digest" in firstFit && firstFit.digest !== each.digest
      ? workRefusal("already-settled", "The job was settled with another outcome in the same call.", row.state)
      : { ok: true, state: row.state, at: now };
  });
  return answers.map((answer) => answer ?? leaseLost());
}

interface Fit {
  job: HeldJob;
  outcome: WorkerOutcome;
  digest: string;
  isShelved: boolean;
}

async function answerOrFit(deps: WorkDeps, { lease, outcome }: WorkerSettlement, job: HeldJob | undefined): Promise<Fit | SettleResult> {
  if (!job) return noSuchJob();
  const standing = await standingOf(deps.leases, job, lease);
  const digest = await sha256Hex(JSON.stringify(outcome), 32);
  if (standing === "lost" || standing === "released") return leaseLost(job.state);
  if (standing === "settled") return repeated(job, digest);
  if (standing === "ended") return workRefusal("already-settled", `The job has ended: it is ${job.state}.`, job.state);
  return (await unfit(deps, job, outcome)) ?? { job, outcome, digest, isShelved: standing === "shelved" };
}

/** The answer of the first time; the state may have changed since. */
function repeated(job: HeldJob, digest: string): SettleResult {
  const [firstDigest, state, at] = JSON.parse(job.settled ?? "[]") as [string, JobState, number];
  if (firstDigest !== digest) return workRefusal("already-settled", "The job was settled with another outcome under this lease.", job.state);
  return { ok: true, state: isTerminal(job.state) ? job.state : state, at };
}

/** The refusal of an invalid outcome. The lease stays, so the worker may settle again. */
async function unfit({ engine }: WorkDeps, job: HeldJob, outcome: WorkerOutcome): Promise<WorkRefusal | undefined> {
  if (outcome.kind === "again") {
    const { length } = JSON.stringify(outcome.cursor ?? null);
    return length > maxCursor ? workRefusal("too-large", `The cursor has ${length} characters as JSON, at most ${maxCursor} are kept.`, job.state) : undefined;
  }
  if (outcome.kind !== "done") return undefined;
  if (outcome.resultId !== undefined) return (await hasUploaded(job, outcome.resultId)) ? undefined : notUploaded(job);
  if (outcome.result === undefined) return undefined;
  const { length } = JSON.stringify(outcome.result);
  if (length > maxResult) {
    const detail = `The result has ${length} characters as JSON, at most ${maxResult} go into a settlement: upload it, by POST /v1/work/{id}/result-upload.`;
    return workRefusal("too-large", detail, job.state);
  }
  const schema = engine.registry.find(job.type)?.contract.result;
  const checked = schema ? check(schema, outcome.result) : { ok: true as const };
  if (checked.ok) return undefined;
  const errors = checked.issues.map(({ path, message }) => ({ path: below("outcome.result", path), message }));
  return { ...workRefusal("invalid", "The result does not fit its type; the lease still stands.", job.state), errors };
}

function notUploaded(job: HeldJob): WorkRefusal {
  const errors = [{ path: "outcome.resultId", message: "is not the id of a result that was uploaded under this lease" }];
  return { ...workRefusal("invalid", "There is no such uploaded result; the lease still stands.", job.state), errors };
}

function isUploaded(outcome: WorkerOutcome): boolean {
  return outcome.kind === "done" && outcome.resultId !== undefined;
}

/** Masked reasons, in the order of the settlements; undefined where there is none. */
async function reasonsOf(deps: WorkDeps, open: readonly Fit[]): Promise<(string | undefined)[]> {
  const reasons = open.flatMap(({ job, outcome }) => ("reason" in outcome ? [{ job, text: outcome.reason }] : []));
  const texts = (await maskedReasons(deps, reasons)).values();
  return open.map(({ outcome }) => ("reason" in outcome ? texts.next().value : undefined));
}

function outcomeFrom(outcome: WorkerOutcome, reason = ""): Outcome {
  switch (outcome.kind) {
    case "done":
      return done(outcome.result);
    case "retry":
      return retry(reason, outcome.afterSeconds === undefined ? {} : { after: outcome.afterSeconds });
    case "wait":
      return wait(reason, { until: outcome.untilMs });
    case "again":
      return again(outcome.cursor);
    case "discard":
      return discard(reason);
  }
}

/** The job with its new row of `leases`. */
function wasReclaimed(job: HeldJob, back: ReadonlySet<string>, now: number): HeldJob {
  return back.has(keyOf(job)) ? { ...job, wake: now + (job.extension ?? minuteMs) } : job;
}
