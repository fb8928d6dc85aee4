import type { Beaten } from "../../domain/installation/beat";
import { heartbeatStep } from "../../domain/installation/model";
import { dayLimitIn } from "../../d1";
import { messageOf } from "../../errors";

/** One thing the tick does; what it returns is its report, shown in /metrics and the log. */
export interface TickStep {
  name: string;
  run(now: number): Promise<Record<string, number | boolean>>;
  /** Only in minutes divisible by this. Default each minute. */
  everyMinutes?: number;
}

export interface TickDeps {
  steps: readonly TickStep[];
  /** Milliseconds of the Worker's clock, for durations. */
  clock(): number;
  record(outcomes: readonly StepOutcome[]): Promise<void>;
  /** Called with the tick's duration. Milliseconds. */
  measure(ms: number): void;
  /** Calls another system after a tick that ended well; null: none is set. Never throws. */
  beat(): Promise<Beaten>;
  /** A failing step is an alert of its own. Never throws. */
  alert(step: string, reason: string): void;
}

export interface StepOutcome {
  step: string;
  outcome: "done" | "failed";
  at: number;
  ms: number;
  detail: string;
}

/**
 * Everything that is due, once a minute. `now` is the tick's planned time, not the clock's: days pass in a test without sleeping.
 * Every step is safe to run twice and beside itself; one that fails neither stops nor hides the others, but for D1's limit of a day. Never throws.
 */
export async function tick(deps: TickDeps, now: number): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  const startedAt = deps.clock();
  const minute = Math.floor(now / 60_000);
  for (const step of deps.steps.filter(({ everyMinutes = 1 }) => minute % everyMinutes === 0)) {
    const outcome = await takeStep(deps, step, now);
    outcomes.push(outcome);
    // Until midnight no step can do more.
    if (outcome.outcome === "failed" && dayLimitIn(outcome.detail)) break;
  }
  const recorded = await recordOutcomes(deps, outcomes);
  if (recorded && outcomes.every(({ outcome }) => outcome === "done")) await callHeartbeatUrl(deps, now);
  deps.measure(deps.clock() - startedAt);
  return outcomes;
}

/** A dead installation sends no alert: the receiver notices by the missing call. How the call went is no outcome of the tick. */
async function callHeartbeatUrl(deps: TickDeps, now: number): Promise<void> {
  const startedAt = deps.clock();
  const beaten = await deps.beat();
  if (beaten === null) return;
  const detail = beaten.ok ? "" : beaten.reason.slice(0, 500);
  await recordOutcomes(deps, [{ step: heartbeatStep, outcome: beaten.ok ? "done" : "failed", at: now, ms: deps.clock() - startedAt, detail }]);
}

/** Whether it was recorded. Never throws. */
async function recordOutcomes(deps: TickDeps, outcomes: readonly StepOutcome[]): Promise<boolean> {
  try {
    await deps.record(outcomes);
    return true;
  } catch (thrown) {
    deps.alert("record", messageOf(thrown));
    return false;
  }
}

async function takeStep(deps: TickDeps, step: TickStep, now: number): Promise<StepOutcome> {
  const startedAt = deps.clock();
  const outcome = (state: "done" | "failed", detail: string): StepOutcome => ({
    step: step.name,
    outcome: state,
    at: now,
    ms: deps.clock() - startedAt,
    detail,
  });
  try {
    return outcome("done", JSON.stringify(await step.run(now)));
  } catch (thrown) {
    deps.alert(step.name, messageOf(thrown));
    return outcome("failed", messageOf(thrown).slice(0, 500));
  }
}
