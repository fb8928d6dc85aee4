import { backoff } from "../backoff";
import type { Policy } from "../job";
import type { Decision } from "../decision";
import type { ClaimedJob, Transition } from "../ports/run-ledger";
import { cursorIssue, maxResult, type Retry, type Wait } from "../outcome";
import { copyDelay, heldUntil, maxHoldMs, parkedAt, type Placement, queuedNow } from "../placement";
import { redact } from "../../masking/redact";
import type { JobState } from "../state";

/** Runs of a job with a timeline entry of their own; later runs that yield share one entry. */
const maxTimelineRuns = 20;
/** Characters kept of an outside system's answer. */
const maxProviderMessage = 500;

export interface Settlement {
  transition: Transition;
  /** Send a copy, deliverable after this many seconds; null: none. */
  copy: { delaySeconds: number } | null;
}

/** The facts of an execution that, with its decision, determine the transition. */
export interface ExecutionFacts {
  job: ClaimedJob;
  type: string;
  policy: Policy;
  /** False: held back, paused or unreadable before its behaviour was called; such a run is not counted. */
  started: boolean;
  /** Milliseconds the run took. */
  ms: number;
  progress: string | undefined;
  /** Since when a call of the run is without a recorded answer; 0: none is. Milliseconds. */
  doubt: number;
  urgent: boolean;
  now: number;
  random: () => number;
}

/** What the ledger records of an execution, and what is sent: the one place that decides how a decision moves a job. Pure. */
export function transitionOf(run: ExecutionFacts, decision: Recorded): Settlement {
  const settlement = settlementByKind(run, decision);
  const quoted = "providerMessage" in decision ? decision.providerMessage : undefined;
  if (quoted === undefined) return settlement;
  const providerMessage = quoted.slice(0, maxProviderMessage).toWellFormed();
  return { ...settlement, transition: { ...settlement.transition, providerMessage } };
}

/** For a job that another run holds nothing is recorded. */
type Recorded = Exclude<Decision, { kind: "lost" }>;

function settlementByKind(run: ExecutionFacts, outcome: Recorded): Settlement {
  switch (outcome.kind) {
    case "done":
      return ended(run, "done", null, { result: outcome.result === undefined ? null : resultText(outcome.result) });
    case "discard":
      return ended(run, "discarded", outcome.reason, { event: "discarded" });
    case "again":
      return exhausted(run) ?? yielded(run, outcome.cursor);
    case "wait":
      return exhausted(run, outcome.reason) ?? waiting(run, outcome);
    case "retry":
      return failure(run, outcome);
    case "cancelled":
      return ended(run, "cancelled", null, { event: "cancelled" });
    case "dead":
      return ended(run, "dead", outcome.reason, { event: "dead" });
  }
}

function failure(run: ExecutionFacts, outcome: Retry): Settlement {
  const attempt = run.job.attempt + 1;
  if (attempt >= run.policy.maxAttempts) {
    return ended(run, "dead", outcome.reason, { attempt, event: "dead" });
  }
  const dead = exhausted(run, outcome.reason, attempt);
  if (dead) return dead;
  const delay = backoff(run.policy.backoff, attempt, run.random, outcome.after);
  return placed(run, "retrying", heldUntil(run.now + delay * 1000, run.now), { reason: outcome.reason, attempt, event: "retry" });
}

function waiting(run: ExecutionFacts, outcome: Wait): Settlement {
  const { reason, gate } = outcome;
  const until = untilWhen(run, outcome.until);
  const folds = run.job.reason === redact(reason);
  const parks = gate !== undefined && (outcome.park || until - run.now > maxHoldMs);
  const parked = (where: string) => (outcome.last ? parkedAt(where, run.now, false) : parkedAt(where, run.job.at, run.urgent));
  return placed(run, "waiting", parks ? parked(gate) : heldUntil(until, run.now, maxHoldMs), { reason, event: "waiting", folds });
}

/** At least a second from now, at most until the job reaches its maximum age and ends; a value that is no time counts as a minute from now. */
function untilWhen(run: ExecutionFacts, until: number): number {
  const soon = run.now + 1000;
  if (Number.isNaN(until)) return run.now + maxHoldMs;
  return Math.max(soon, Math.min(Math.ceil(until), run.job.born + (run.policy.maxAge + 1) * 1000));
}

function yielded(run: ExecutionFacts, cursor: unknown): Settlement {
  const text = jsonOf(cursor);
  if (text === undefined) return ended(run, "discarded", "the cursor is no JSON", { event: "discarded" });
  const issue = cursorIssue(text);
  if (issue !== undefined) return ended(run, "discarded", issue, { event: "discarded" });
  return placed(run, "queued", queuedNow(run.now), { cursor: text, attempt: 0, event: "again", folds: run.job.runs > maxTimelineRuns });
}

/** The job stays open at a placement: its next message carries a raised delivery generation. */
function placed(run: ExecutionFacts, state: JobState, place: Placement, changes: Partial<Transition>): Settlement {
  const delaySeconds = copyDelay(place, run.now);
  return { transition: moved(run, state, { ...place, bump: 1, ...changes }), copy: delaySeconds === null ? null : { delaySeconds } };
}

/** Too many runs or too old: whatever its outcome, it ends here with the last reason. */
function exhausted(run: ExecutionFacts, reason?: string, attempt = run.job.attempt): Settlement | undefined {
  const age = Math.floor((run.now - run.job.born) / 1000);
  const because = reason === undefined ? "" : `; last: ${reason}`;
  if (run.started && run.job.runs >= run.policy.maxRuns) {
    return ended(run, "dead", `gave up after ${run.job.runs} runs${because}`, { attempt, event: "dead" });
  }
  if (age > run.policy.maxAge) {
    return ended(run, "dead", `gave up ${age} s after its first run, ${run.policy.maxAge} s are allowed${because}`, { attempt, event: "dead" });
  }
  return undefined;
}

function ended(run: ExecutionFacts, state: JobState, reason: string | null, more: { attempt?: number; event?: string; result?: string | null }): Settlement {
  const attempt = more.attempt ?? run.job.attempt + (state === "discarded" ? 1 : 0);
  return {
    transition: moved(run, state, { reason, attempt, event: more.event ?? null, result: more.result ?? null, ended: run.now }),
    copy: null,
  };
}

function moved(run: ExecutionFacts, state: JobState, changes: Partial<Transition>): Transition {
  return {
    tenant: run.job.tenant,
    id: run.job.id,
    seq: run.job.seq,
    state,
    counted: run.started,
    bump: 0,
    attempt: run.job.attempt,
    due: null,
    sent: null,
    wake: null,
    gate: null,
    cursor: undefined,
    progress: run.progress,
    result: null,
    ended: null,
    event: null,
    folds: false,
    was: { wake: run.job.wake, gate: run.job.gate },
    doubt: run.doubt,
    type: run.type,
    ms: run.ms,
    ...changes,
    reason: changes.reason ? redact(changes.reason) : null,
  };
}

function resultText(value: unknown): string {
  const text = jsonOf(value);
  if (text === undefined) return JSON.stringify({ cut: "the result is no JSON" });
  return text.length > maxResult ? JSON.stringify({ cut: `the result had ${text.length} characters, at most ${maxResult} are kept` }) : text;
}

/** Undefined for what JSON cannot carry (BigInt, cycles, functions): a run may return anything, and the other jobs of its batch must not fail for it. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value ?? null);
  } catch {
    return undefined;
  }
}
