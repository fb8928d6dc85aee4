import { messageOf } from "../../errors";
import type { Enqueue, EnqueueRequest, Receipt, Refused } from "../../queue/request";
import { nextAfter, plannedBetween } from "./cron";
import { type LastRun, schedulePayload, type Schedule, spreadOf } from "./model";
import type { Advance, ScheduleStore } from "./store";
import { minuteMs } from "../../time/day";

interface DueTick {
  /** The planned time of the tick. Milliseconds. */
  now: number;
  store: Pick<ScheduleStore, "due" | "advance">;
  enqueue: Enqueue;
  /** Whether a job, planned for that time (milliseconds), is open. */
  isOpen: (tenant: string, id: string, plannedAt: number) => Promise<boolean>;
}

/** Counts of the planned times that this tick handled; `failed` also counts those that the next tick tries again. */
export interface DueSummary {
  ran: number;
  skipped: number;
  failed: number;
}

/** With misfire "skip", a planned time at least this old counts as missed: one tick (a minute) may be lost. Milliseconds. */
const missedAfterMs = 2 * minuteMs;
/** With misfire "all", this many of the newest planned times run; older ones are skipped. */
const maxRuns = 100;

const atOnce = 50;

/** Schedules that one tick runs: its steps share the 1,000 statements that D1 allows one invocation. */
export const maxSchedulesPerTick = 300;

/**
 * The tick's step for schedules: enqueues what has become due since the last tick, then advances each schedule.
 * - The idempotency key names schedule and planned time, and a schedule advances only from the time that this tick read. So repeated and overlapping
 *   ticks enqueue the same jobs, and a crash between the two steps repeats the first.
 * - `misfire` decides which of several planned times run: "once" the newest, "skip" those younger than `missedAfterMs`, "all" each, up to `maxRuns`.
 * - `overlap` "skip": while the newest job of earlier ticks is open nothing runs, and the planned times are skipped. The runs that misfire "all"
 *   enqueues in one tick may overlap.
 * - A transient refusal (queue full, ledger unreachable) leaves the schedule as it is; any other is recorded and the schedule advances. Throws only
 *   when the store or `enqueue` throws; the next tick then repeats the rest.
 */
export async function runDueSchedules(tick: DueTick, limit = maxSchedulesPerTick): Promise<DueSummary> {
  const summary: DueSummary = { ran: 0, skipped: 0, failed: 0 };
  const due = await tick.store.due(tick.now, limit);
  for (let from = 0; from < due.length; from += atOnce) {
    const plans = await Promise.all(due.slice(from, from + atOnce).map((schedule) => planned(schedule, tick)));
    const fired = await enqueuePlans(plans, tick.enqueue);
    const won = await tick.store.advance(fired.map(({ advance }) => advance));
    for (const [index, { count }] of fired.entries()) if (won[index]) add(summary, count);
  }
  return summary;
}

/** What one schedule runs and skips in this tick. */
interface Plan {
  schedule: Schedule;
  runs: number[];
  nextAt: number | null;
  newest: number;
  skipped: number;
  note: string;
  issue: string | undefined;
}

/** The result of one schedule in this tick. */
interface Fired {
  advance: Advance;
  count: DueSummary;
}

async function planned(schedule: Schedule, { now, isOpen }: DueTick): Promise<Plan> {
  const first = schedule.nextAt ?? now;
  try {
    const { times, count, more } = plannedBetween(schedule, first, now, maxRuns);
    const open = schedule.overlap === "skip" && schedule.last?.jobId ? await isOpen(schedule.tenant, schedule.last.jobId, schedule.last.plannedAt) : false;
    const runs = open ? [] : runsAfterMisfire(schedule, times, now);
    const skipped = count - runs.length;
    return {
      schedule,
      runs,
      nextAt: nextAfter(schedule, now),
      newest: times.at(-1) ?? first,
      skipped,
      note:
        skipped === 0 ? "" : `${more ? "at least " : ""}${skipped} skipped: ${open ? `job ${schedule.last?.jobId} is still open` : reasons[schedule.misfire]}`,
      issue: undefined,
    };
  } catch (thrown) {
    return { schedule, runs: [], nextAt: first, newest: first, skipped: 0, note: "", issue: messageOf(thrown) };
  }
}

const reasons: Record<Schedule["misfire"], string> = {
  once: "one run stands for all that were missed",
  skip: "they were missed",
  all: `only the newest ${maxRuns} are made up for`,
};

function runsAfterMisfire({ misfire }: Schedule, times: number[], now: number): number[] {
  if (misfire === "all") return times;
  return misfire === "once" ? times.slice(-1) : times.filter((time) => now - time < missedAfterMs);
}

async function enqueuePlans(plans: readonly Plan[], enqueue: Enqueue): Promise<Fired[]> {
  const requests = plans.flatMap((plan) => plan.runs.map((time) => request(plan.schedule, time)));
  const receipts = requests.length > 0 ? await enqueue(requests) : [];
  let from = 0;
  return plans.map((plan) => {
    const own = receipts.slice(from, from + plan.runs.length);
    from += plan.runs.length;
    return firedOf(plan, own);
  });
}

function request(schedule: Schedule, time: number): EnqueueRequest {
  const spread = spreadOf(schedule);
  return {
    tenant: schedule.tenant,
    type: schedule.type,
    payload: schedulePayload(schedule),
    own: ownKeyOf(schedule, time),
    formerKey: `schedule:${schedule.name}:${new Date(time).toISOString()}`,
    // A repeated tick must not revive a job that failed meanwhile.
    revive: false,
    ...(spread > 0 ? { delaySeconds: spread } : {}),
  };
}

/** The key from which the id of a planned time's job derives. */
export function ownKeyOf({ name }: Pick<Schedule, "name">, plannedAt: number): [string, string, string] {
  return ["schedule", name, new Date(plannedAt).toISOString()];
}

function firedOf(plan: Plan, receipts: readonly Receipt[]): Fired {
  const { schedule, newest, skipped } = plan;
  const refusals = receipts.filter((receipt) => !receipt.ok);
  const jobId = receipts.findLast((receipt) => receipt.ok)?.id ?? schedule.last?.jobId ?? null;
  const issue = plan.issue ?? refusals.find(mayPass)?.detail;
  if (issue !== undefined) {
    const last: LastRun = { plannedAt: newest, outcome: "failed", note: `${issue} It is tried again.`, jobId: schedule.last?.jobId ?? null };
    return { advance: { schedule, nextAt: schedule.nextAt, last }, count: { ran: 0, skipped: 0, failed: Math.max(1, refusals.length) } };
  }
  const count = { ran: receipts.length - refusals.length, skipped, failed: refusals.length };
  const outcome = refusals.length > 0 ? "failed" : count.ran > 0 ? "ran" : "skipped";
  const note = [...refusals.slice(0, 1).map(receiptReason), plan.note].filter((part) => part !== "").join("; ");
  return { advance: { schedule, nextAt: plan.nextAt, last: { plannedAt: newest, outcome, note, jobId } }, count };
}

function mayPass(refusal: Refused): boolean {
  return refusal.code === "unavailable" || refusal.code === "too-many-requests" || refusal.code === "internal";
}

function receiptReason({ detail, errors }: Refused): string {
  const issues = errors.slice(0, 3).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return [detail, ...issues].join(" ");
}

function add(sum: DueSummary, more: DueSummary) {
  sum.ran += more.ran;
  sum.skipped += more.skipped;
  sum.failed += more.failed;
}
