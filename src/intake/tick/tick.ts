import type { Beaten } from "../../domain/installation/beat";
import { heartbeatStep } from "../../domain/installation/model";
import { dayLimitIn } from "../../d1";
import { messageOf } from "../../errors";
import { minuteMs } from "../../time/day";

/** One step of the tick; it returns its report, shown in /metrics and the log. */
interface TickStep {
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
  /** Calls the heartbeat address after a tick without a failure; null: none is set. Never throws. */
  beat(): Promise<Beaten>;
  /** Receives the failure of a step, which makes an alert. Never throws. */
  alert(step: string, reason: string): void;
}

interface StepOutcome {
  step: string;
  outcome: "done" | "failed";
  at: number;
  ms: number;
  detail: string;
}

/**
 * Runs all due steps, once a minute. `now` is the tick's planned time, not the clock's, so a test passes days without waiting.
 * Every step is safe to run twice and concurrently. A failing step does not stop the others, except at D1's daily limit. Never throws.
 */
export async function tick(deps: TickDeps, now: number): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  const startedAt = deps.clock();
  const minute = Math.floor(now / minuteMs);
  for (const step of deps.steps.filter(({ everyMinutes = 1 }) => minute % everyMinutes === 0)) {
    const outcome = await takeStep(deps, step, now);
    outcomes.push(outcome);
    // Until midnight UTC every other step would fail too.
    if (outcome.outcome === "failed" && dayLimitIn(outcome.detail)) break;
  }
  const recorded = await recordOutcomes(deps, outcomes);
  if (recorded && outcomes.every(({ outcome }) => outcome === "done")) await callHeartbeatUrl(deps, now);
  deps.measure(deps.clock() - startedAt);
  return outcomes;
}

/** An installation that is down sends no alert: the receiver of this call notices that it is missing. Its result is no outcome of the tick. */
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
