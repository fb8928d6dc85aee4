import { admitParked } from "./tick/admit";
import { backNow, bringBack, bringBackAll, bySize } from "./tick/bring-back";
import type { Engine } from "./engine";
import { redactedReason } from "../masking/redact";
import type { Pause } from "./ports/job-row";
import { orTrouble } from "./or-trouble";
import { overflow } from "./ports/heavy-ledger";
import { nextCheckAt, sweepAfterMs } from "./placement";
import type { DueJob, UntrackedJob } from "./ports/tick-ledger";
import { isTerminal } from "./state";
import { writeUnwritten } from "./accept/unwritten";
import { type Budget, createBudget, inTurns, interleaved, rotated } from "./tick/turns";
import { minuteMs } from "../time/day";

/** Rows read in one round, and rounds in one tick; the next tick reads the others. */
const roundSize = 500;
const rounds = 20;
/** What one tick may spend on due jobs, and on parked ones: ledger statements and milliseconds. */
const maxStatements = 220;
const maxMilliseconds = 20_000;

interface SweepReport {
  /** Delayed, waiting or unsent jobs that were given a message. */
  released: number;
  /** Jobs whose message or run was lost. */
  swept: number;
  /** Parked jobs let in at their gates. */
  admitted: number;
  /** Whether there is more than one tick may do. */
  more: boolean;
}

/** Sends jobs that are due, jobs that lost their message and jobs that their gates admit. `now` is the tick's time. */
export async function sweep(engine: Engine, now: number): Promise<SweepReport> {
  const report: SweepReport = { released: 0, swept: 0, admitted: 0, more: false };
  // While a store is down the jobs stay kept until the next tick.
  if (engine.ledgerFirst) await orTrouble(engine, "unwritten", () => writeUnwritten(engine));
  if (engine.boot !== "") await sweepOtherBoots(engine, now, report);
  const queueState = await createQueueState(engine);
  const tick: SweepTick = { engine, now, queueState, budget: createBudget(engine.now, maxStatements, maxMilliseconds), report };
  await sweepDue(tick);
  await scan(tick);
  const parked = await admitParked(engine, now, queueState.pauses, createBudget(engine.now, maxStatements, maxMilliseconds));
  report.admitted = parked.admitted;
  report.more ||= parked.more;
  return report;
}

/** What the passes of one tick share. `report` is added to by each. */
interface SweepTick {
  engine: Engine;
  now: number;
  queueState: QueueState;
  budget: Budget;
  report: SweepReport;
}

/** Local starts only: messages and leases of an earlier process are gone with it. */
async function sweepOtherBoots(engine: Engine, now: number, report: SweepReport): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const rows = await engine.ledger.ofOtherBoot(engine.boot, roundSize);
    if (rows.length === 0) return;
    for (const group of bySize(rows, (row) => row.bytes)) {
      // A message that was not deliverable yet keeps the rest of its delay.
      const back = group.map((row) => backNow(row, now, true, Math.max(0, Math.ceil(((row.sent ?? now) - now) / 1000))));
      report.swept += (await bringBack(engine, back, now)).length;
    }
  }
  report.more = true;
}

/** Gives a side row to open jobs older than ten minutes that have none; the next round sends those that need a message now. */
async function scan(tick: SweepTick): Promise<void> {
  const { engine, now, queueState, report } = tick;
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const page = await engine.ledger.scan(now - sweepAfterMs, roundSize * 4, (row) => firstCheckAt(row, now, queueState));
    found += page.found;
    if (!page.more) break;
    if (round === rounds - 1) report.more = true;
  }
  if (found > 0) await sweepDue(tick);
}

/** Time of the first side row of a job that has none: when the tick has something to do for it. */
async function firstCheckAt({ tenant, state, queue, sent }: UntrackedJob, now: number, queueState: QueueState): Promise<number> {
  const row = { tenant, state, queue, sent, sweeps: 0, until: 0, wake: 0, wakeAt: 0, gate: null };
  const next = await checkRow(row, now, queueState);
  return typeof next === "number" ? next : now;
}

/** Tenants in turn, a page of each at a time. */
async function sweepDue(tick: SweepTick): Promise<void> {
  const { engine, now, budget, report } = tick;
  const tenants = (await engine.ledger.dueTenants(now)).map((tenant) => ({ tenant }));
  const left = await inTurns(rotated(tenants, engine.random), budget, async (turn, limit) => {
    const pages = await engine.ledger.due(
      turn.map(({ tenant }) => tenant),
      now,
      limit,
    );
    budget.spend(1);
    await handleDue(tick, interleaved(pages.map(({ rows }) => rows)));
    return pages.filter(({ more }) => more).map(({ tenant }) => ({ tenant }));
  });
  report.more ||= left;
}

async function handleDue({ engine, now, queueState, budget, report }: SweepTick, rows: readonly DueJob[]): Promise<void> {
  const back: DueJob[] = [];
  const rewake: { at: number; tenant: string; id: string; wake: number | null }[] = [];
  for (const row of rows) {
    const wake = await checkRow(row, now, queueState);
    if (wake === "now") back.push(row);
    else rewake.push({ at: row.wakeAt, tenant: row.tenant, id: row.id, wake });
  }
  if (rewake.length > 0) {
    await engine.ledger.rewake(rewake);
    budget.spend(3);
  }
  // A job whose message was sent has lost it; a job without one was waiting.
  const [lost, waited] = [back.filter(({ sent }) => sent !== null), back.filter(({ sent }) => sent === null)];
  const bring = (jobs: readonly DueJob[]) => bringBackAll(engine, jobs, (row) => backNow(row, now, row.sent !== null), now, budget);
  report.released += await bring(waited);
  report.swept += await bring(lost);
  if (budget.isSpent()) report.more = true;
}

type Checked = Pick<DueJob, "tenant" | "state" | "queue" | "sent" | "sweeps" | "until" | "wake" | "wakeAt" | "gate">;

/** "now": send a message. A time: check again then. Null: its side row is stale. */
async function checkRow(row: Checked, now: number, { queues, paused, heavy }: QueueState): Promise<"now" | number | null> {
  if (row.state === null || isTerminal(row.state) || row.wake !== row.wakeAt || row.gate !== null) return null;
  if (row.state === "running") return row.until > now ? row.until + minuteMs : "now";
  if (row.sent === null) return "now";
  if (paused.has(row.queue)) return now + sweepAfterMs;
  const oldest = heavy.has(`${row.tenant}/${row.queue}`) ? await queues.oldestOfHeavy(row.queue, row.sent) : await queues.oldest(row.queue);
  return nextCheckAt({ sent: row.sent, sweeps: row.sweeps }, oldest, now);
}

/** State of the queues, read once per tick. */
interface QueueState {
  queues: OldestMessages;
  pauses: readonly Pause[];
  /** Queues held for all tenants. */
  paused: ReadonlySet<string>;
  /** Tenant and queue of the marks in force. */
  heavy: ReadonlySet<string>;
}

async function createQueueState(engine: Engine): Promise<QueueState> {
  const [pauses, marks] = await Promise.all([engine.ledger.pauses(), engine.ledger.heavyMarks(engine.now())]);
  const paused = new Set(pauses.filter(({ scope, tenant }) => scope === "queue" && tenant === "*").map(({ name }) => name));
  const heavy = new Set(marks.map(({ tenant, queue }) => `${tenant}/${queue}`));
  return { queues: new OldestMessages(engine), pauses, paused, heavy };
}

/** The oldest message of each queue; read once per tick. */
class OldestMessages {
  private readonly oldestByQueue = new Map<string, Promise<number | null>>();

  constructor(private readonly engine: Engine) {}

  /** When its oldest message was sent, infinity when it is empty, null when it does not report it. Milliseconds. */
  oldest(queue: string): Promise<number | null> {
    const oldest = this.oldestByQueue.get(queue) ?? this.ask(queue);
    this.oldestByQueue.set(queue, oldest);
    return oldest;
  }

  /**
   * As `oldest`, for a job of a heavy tenant, sent at `sent`. It may have been forwarded to `overflow`: while that queue holds messages, it may hold
   * this one under a later time.
   */
  async oldestOfHeavy(queue: string, sent: number): Promise<number | null> {
    const [own, forwarded] = await Promise.all([this.oldest(queue), this.oldest(overflow)]);
    return own === null || forwarded === null ? null : forwarded === Infinity ? own : Math.min(own, sent);
  }

  private async ask(name: string): Promise<number | null> {
    try {
      const metrics = await this.engine.queue(name)?.metrics();
      if (metrics?.backlogCount === 0) return Infinity;
      return metrics?.oldestMessageTimestamp?.getTime() ?? null;
    } catch (thrown) {
      // Null: it is not known how old its messages are, and `nextCheckAt` waits the full time.
      this.engine.emit({ event: "trouble", where: "metrics", reason: redactedReason(thrown), queue: name });
      return null;
    }
  }
}
