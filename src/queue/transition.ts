import { backoff } from "./backoff";
import type { Decision } from "./execution";
import type { Policy } from "./job";
import type { ClaimedJob, Transition } from "./ledger";
import type { Retry, Wait } from "./outcome";
import { redact } from "../masking/redact";
import type { JobState } from "./state";

/** Delays up to this travel with the message; longer ones wait in the ledger. Milliseconds. */
export const longestRide = 15 * 60_000;
/** Waits up to this keep their message; longer ones are parked. Milliseconds. */
const longestHold = 60_000;
/** How long after it was due a message is given before the tick looks for it. Milliseconds. */
export const sweepAfter = 10 * 60_000;
/** Those parked at a gate are let in by age; an urgent job counts as this much older. Milliseconds. */
const aheadInPark = 30 * 24 * 3_600_000;
/** JSON of a result or cursor may have this many characters. */
const longestResult = 64 * 1024;
const longestCursor = 16 * 1024;
/** Characters that are kept of what an outside system wrote. */
const maxProviderMessage = 500;

export interface Settlement {
  transition: Transition;
  /** Send a copy, deliverable after this many seconds; null: none. */
  copy: { delaySeconds: number } | null;
}

/** What of an execution its transition follows from, beside its decision. */
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

/** What the ledger records of an execution, and what is sent: the one place that knows how a decision moves a job. Pure. */
export function transitionOf(run: ExecutionFacts, decision: Recorded): Settlement {
  const settlement = settlementOf(run, decision);
  const quoted = "providerMessage" in decision ? decision.providerMessage : undefined;
  if (quoted === undefined) return settlement;
  const providerMessage = quoted.slice(0, maxProviderMessage).toWellFormed();
  return { ...settlement, transition: { ...settlement.transition, providerMessage } };
}

/** Of a job that another run holds nothing is recorded. */
type Recorded = Exclude<Decision, { kind: "lost" }>;

function settlementOf(run: ExecutionFacts, outcome: Recorded): Settlement {
  switch (outcome.kind) {
    case "done":
      return ended(run, "done", null, { result: outcome.result === undefined ? null : resultOf(outcome.result) });
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
  return held(run, "retrying", outcome.reason, run.now + delay * 1000, { attempt, event: "retry" });
}

function waiting(run: ExecutionFacts, outcome: Wait): Settlement {
  const until = untilWhen(run, outcome.until);
  const long = until - run.now > longestHold;
  // Waiting again for the same reason is no news for the timeline.
  const event = run.job.reason === redact(outcome.reason) ? null : "waiting";
  const { attempt } = run.job;
  if (outcome.gate !== undefined && (outcome.park || long)) {
    const parked = { due: null, sent: null, wake: run.urgent ? run.job.at - aheadInPark : run.job.at, gate: outcome.gate };
    return { transition: moved(run, "waiting", { ...parked, bump: 1, reason: outcome.reason, attempt, event }), copy: null };
  }
  return held(run, "waiting", outcome.reason, until, { attempt, rideAtMost: longestHold, ...(event === null ? {} : { event }) });
}

/** At least a second from now, at most until the job is too old, so that it ends then; what is no time means a minute. */
function untilWhen(run: ExecutionFacts, asked: number): number {
  const soon = run.now + 1000;
  if (Number.isNaN(asked)) return run.now + longestHold;
  return Math.max(soon, Math.min(Math.ceil(asked), run.job.born + (run.policy.maxAge + 1) * 1000));
}

function yielded(run: ExecutionFacts, cursor: unknown): Settlement {
  const text = jsonOf(cursor);
  if (text === undefined) return ended(run, "discarded", "the cursor is no JSON", { event: "discarded" });
  if (text.length > longestCursor) {
    return ended(run, "discarded", `the cursor has ${text.length} characters, at most ${longestCursor} are kept`, { event: "discarded" });
  }
  const next = { cursor: text, attempt: 0, bump: 1, sent: run.now, wake: run.now + sweepAfter } as const;
  return { transition: moved(run, "queued", next), copy: { delaySeconds: 0 } };
}

/** Held back until a time: with a delayed message when that is near, else by its side row alone. */
function held(run: ExecutionFacts, state: JobState, reason: string, due: number, more: { attempt: number; event?: string; rideAtMost?: number }): Settlement {
  const delaySeconds = Math.max(1, Math.ceil((due - run.now) / 1000));
  const rides = delaySeconds * 1000 <= (more.rideAtMost ?? longestRide);
  const transition = moved(run, state, {
    attempt: more.attempt,
    event: more.event ?? null,
    reason,
    due,
    bump: 1,
    sent: rides ? due : null,
    wake: rides ? due + sweepAfter : due,
  });
  return { transition, copy: rides ? { delaySeconds } : null };
}

/** Too many runs or too old: whatever it said, it ends here with the last reason. */
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
    was: { wake: run.job.wake, gate: run.job.gate },
    doubt: run.doubt,
    type: run.type,
    ms: run.ms,
    ...changes,
    reason: changes.reason ? redact(changes.reason) : null,
  };
}

function resultOf(value: unknown): string {
  const text = jsonOf(value);
  if (text === undefined) return JSON.stringify({ cut: "the result is no JSON" });
  return text.length > longestResult ? JSON.stringify({ cut: `the result had ${text.length} characters, at most ${longestResult} are kept` }) : text;
}

/** Undefined for what JSON cannot carry (BigInt, cycles, functions): a run may return anything, and its mates must not suffer for it. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value ?? null);
  } catch {
    return undefined;
  }
}
