import { expect, type MatcherState } from "vitest";
import { decisionPrefix } from "../../src/queue/effect";
import type { Contract } from "../../src/queue/job";
import { checkPayload } from "../../src/queue/registry";
import type { WorkedJob } from "./job-bench";

type Reason = string | RegExp;

/** Sentences about a job that `workJob` took through the engine, and about a contract. */
interface Sentences<R = unknown> {
  /** It ended well, with a result that has at least this. */
  toBeDone(result?: unknown): R;
  /** It failed and is tried again: for this reason, not before so many seconds. */
  toBeRetried(reason?: Reason, afterSeconds?: number): R;
  /** It waits, which burnt no attempt: for this reason, for so many seconds. */
  toHaveWaited(reason?: Reason, seconds?: number): R;
  /** It yielded and goes on from this cursor. */
  toGoOnFrom(cursor: unknown): R;
  /** It failed for good at once and is a dead letter. */
  toBeDiscarded(reason?: Reason): R;
  /** Its attempts are used up and it is a dead letter. */
  toHaveDied(reason?: Reason): R;
  /** These effects were made, once each, and no other. */
  toHaveMade(...keys: string[]): R;
  /** As a dry run: these effects would be made; none was. */
  toHavePlanned(...keys: string[]): R;
  /** It is unknown whether this effect happened. */
  toBeInDoubtOf(key: string): R;
  /** These jobs were enqueued by it, with at least this in their payloads, and no other. */
  toHaveEnqueued(...children: { type: string; payload?: unknown }[]): R;
  /** The contract refuses the payload, with an issue at each of these paths and at no other. */
  toRefuse(payload: unknown, ...paths: string[]): R;
  /** The contract takes the payload. */
  toTake(payload: unknown): R;
}

declare module "vitest" {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends Sentences<R> {}
}

/** What does not fit a sentence is shown in full: state, reason, result and effects show at once what happened instead. */
function matchOf({ utils, isNot }: MatcherState, sentence: string, pass: boolean, seen: unknown, wanted?: unknown) {
  const message = () =>
    [`expected the job ${isNot ? "not " : ""}${sentence}`, ...(wanted === undefined ? [] : [utils.printExpected(wanted)]), utils.printReceived(seen)].join(
      "\n",
    );
  return { pass, message };
}

const summary = ({ state, reason, result, attempt, runs, due, effects, children }: WorkedJob) => ({
  state,
  reason,
  result,
  attempt,
  runs,
  due,
  effects,
  children,
});
const fits = (reason: string | null, wanted?: Reason) =>
  wanted === undefined || (typeof wanted === "string" ? reason === wanted : reason !== null && wanted.test(reason));
const subset = (state: MatcherState, seen: unknown, wanted: unknown) =>
  wanted === undefined || state.equals(seen, wanted, [state.utils.iterableEquality, state.utils.subsetEquality]);
const secondsUntil = ({ due, bench }: WorkedJob) => (due === null ? null : (due - bench.now()) / 1000);
/** Effects that act on the outside world, a line each: a decision acts on nothing. */
function acts({ effects }: WorkedJob, keys?: readonly string[], state?: string): string[] {
  if (keys) return keys.map((key) => `${key}: ${state}`).toSorted();
  return effects.flatMap((each) => (each.key.startsWith(decisionPrefix) ? [] : [`${each.key}: ${each.state}`])).toSorted();
}

function ended(state: MatcherState, job: WorkedJob, as: WorkedJob["state"], reason?: Reason) {
  return matchOf(state, `to be ${as}`, job.state === as && fits(job.reason, reason), summary(job), reason);
}

expect.extend({
  toBeDone(job: WorkedJob, result?: unknown) {
    return matchOf(this, "to be done", job.state === "done" && subset(this, job.result, result), summary(job), result);
  },
  toBeRetried(job: WorkedJob, reason?: Reason, afterSeconds = 0) {
    const pass = job.state === "retrying" && job.attempt > 0 && fits(job.reason, reason) && (secondsUntil(job) ?? -1) >= afterSeconds;
    return matchOf(this, `to be tried again after ${afterSeconds} s`, pass, summary(job), reason);
  },
  toHaveWaited(job: WorkedJob, reason?: Reason, seconds?: number) {
    const pass = job.state === "waiting" && job.attempt === 0 && fits(job.reason, reason) && (seconds === undefined || secondsUntil(job) === seconds);
    return matchOf(this, `to wait ${seconds === undefined ? "" : `${seconds} s `}with no attempt burnt`, pass, summary(job), reason);
  },
  toGoOnFrom(job: WorkedJob, cursor: unknown) {
    return matchOf(
      this,
      "to go on from this cursor",
      job.state === "queued" && this.equals(job.cursor, cursor),
      { ...summary(job), cursor: job.cursor },
      cursor,
    );
  },
  toBeDiscarded(job: WorkedJob, reason?: Reason) {
    return ended(this, job, "discarded", reason);
  },
  toHaveDied(job: WorkedJob, reason?: Reason) {
    return ended(this, job, "dead", reason);
  },
  toHaveMade(job: WorkedJob, ...keys: string[]) {
    return matchOf(this, "to have made these effects, once each", this.equals(acts(job), acts(job, keys, "done")), summary(job), keys);
  },
  toHavePlanned(job: WorkedJob, ...keys: string[]) {
    return matchOf(this, "to have made nothing and planned", this.equals(acts(job), acts(job, keys, "would-do")), summary(job), keys);
  },
  toBeInDoubtOf(job: WorkedJob, key: string) {
    const pass = job.effects.some((each) => each.key === key && (each.state === "intent" || each.state === "uncertain"));
    return matchOf(this, "to be in doubt of an effect", pass, summary(job), key);
  },
  toHaveEnqueued(job: WorkedJob, ...children: { type: string; payload?: unknown }[]) {
    const left = [...job.children];
    const missing = children.filter(({ type, payload }) => {
      const index = left.findIndex((each) => each.type === type && subset(this, each.payload, payload));
      return index < 0 || void left.splice(index, 1);
    });
    return matchOf(this, "to have enqueued these jobs and no other", missing.length === 0 && left.length === 0, job.children, children);
  },
  toRefuse(contract: Contract, payload: unknown, ...paths: string[]) {
    const checked = checkPayload(contract, payload);
    const seen = checked.ok ? [] : checked.issues.map(({ path }) => path);
    const pass = !checked.ok && (paths.length === 0 || this.equals(seen.toSorted(), paths.toSorted()));
    return matchOf(this, `of the type ${contract.type} to be refused at`, pass, checked.ok ? "taken" : checked.issues, paths);
  },
  toTake(contract: Contract, payload: unknown) {
    const checked = checkPayload(contract, payload);
    return matchOf(this, `of the type ${contract.type} to be taken`, checked.ok, checked.ok ? "taken" : checked.issues);
  },
});
