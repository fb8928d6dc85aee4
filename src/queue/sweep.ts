import type { Engine } from "./engine";
import { reasonOf } from "./redact";
import { envelopeOf } from "./envelope";
import type { BringBack, DueJob, StoredJob } from "./ledger";
import { send } from "./send";
import { isTerminal } from "./state";
import { sweepAfter } from "./transition";

/** Rows looked at in one round and rounds in one tick: what is left waits for the next minute. */
const roundSize = 500;
const rounds = 20;
/** Payload bytes brought back in one statement: the ledger's answers are bounded. */
const roundBytes = 1_500_000;
/** A message not seen for this long in an otherwise empty or newer queue is lost. Milliseconds. */
const lostAfter = 2 * 60_000;
const longestSweep = 6 * 3600_000;
/** How much longer a message is waited for while its queue is known not to have come to it. */
const behindFactor = 4;

export interface SweepReport {
  /** Delayed, waiting or unsent jobs that were given a message. */
  released: number;
  /** Jobs whose message or run was lost. */
  swept: number;
  /** Parked jobs let in at their gates. */
  admitted: number;
  /** Whether there is more than one tick may do. */
  more: boolean;
}

/** Brings back what is due, what lost its message, and what its gate lets in. `now` is the tick's time. */
export async function sweep(engine: Engine, now: number): Promise<SweepReport> {
  const report: SweepReport = { released: 0, swept: 0, admitted: 0, more: false };
  if (engine.boot !== "") await sweepOtherBoots(engine, now, report);
  await walk(engine, now, report);
  await sweepDue(engine, now, report);
  await admitParked(engine, now, report);
  return report;
}

/** Local starts only: whatever an earlier process sent or leased is gone with it. */
async function sweepOtherBoots(engine: Engine, now: number, report: SweepReport): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const rows = await engine.ledger.ofOtherBoot(engine.boot, roundSize);
    if (rows.length === 0) return;
    for (const group of bySize(rows, (row) => row.bytes)) {
      // What was not yet deliverable then is not before its time now.
      const back = group.map((row) => ({ ...backNow(row, now, true), delaySeconds: Math.max(0, Math.ceil(((row.sent ?? now) - now) / 1000)) }));
      report.swept += await bringBack(engine, back, group, now);
    }
  }
  report.more = true;
}

/** Open rows older than ten minutes that nothing points at get a side row, which the next step looks at. */
async function walk(engine: Engine, now: number, report: SweepReport): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const { more } = await engine.ledger.walk(now, now - sweepAfter, roundSize * 4);
    if (!more) return;
  }
  report.more = true;
}

async function sweepDue(engine: Engine, now: number, report: SweepReport): Promise<void> {
  const queues = new QueueLook(engine);
  const paused = new Set((await engine.ledger.pauses()).filter(({ scope, tenant }) => scope === "queue" && tenant === "*").map(({ name }) => name));
  for (let round = 0; round < rounds; round++) {
    const rows = await engine.ledger.due(now, roundSize);
    if (rows.length === 0) return;
    const back: { row: DueJob; swept: boolean }[] = [];
    const rewake: { at: number; tenant: string; id: string; wake: number | null }[] = [];
    for (const row of rows) {
      const wake = await nextLook(row, now, queues, paused);
      if (wake === "now") back.push({ row, swept: row.sent !== null });
      else rewake.push({ at: row.wakeAt, tenant: row.tenant, id: row.id, wake });
    }
    if (rewake.length > 0) await engine.ledger.rewake(rewake);
    for (const group of bySize(back, ({ row }) => row.bytes)) {
      const sent = await bringBack(
        engine,
        group.map(({ row, swept }) => backNow(row, now, swept)),
        group.map(({ row }) => row),
        now,
      );
      report[group[0]?.swept ? "swept" : "released"] += sent;
    }
    if (rows.length < roundSize) return;
  }
  report.more = true;
}

/** "now": give it a message. A time: look again then. Null: its side row has no meaning any more. */
async function nextLook(row: DueJob, now: number, queues: QueueLook, paused: ReadonlySet<string>): Promise<"now" | number | null> {
  if (row.state === null || isTerminal(row.state) || row.wake !== row.wakeAt || row.gate !== null) return null;
  if (row.state === "running") return row.until > now ? row.until + 60_000 : "now";
  if (row.sent === null) return "now";
  if (paused.has(row.queue)) return now + sweepAfter;
  const silentFor = now - row.sent;
  const oldest = await queues.oldest(row.queue);
  if (oldest !== null && oldest > row.sent && silentFor >= lostAfter) return "now";
  // A queue that still holds older messages most likely holds ours: a copy would only take a place further back.
  const behind = oldest !== null && oldest <= row.sent ? behindFactor : 1;
  const patience = Math.min(longestSweep, sweepAfter * 2 ** row.sweeps * behind);
  return silentFor >= patience ? "now" : row.sent + patience;
}

/** What each queue says of its oldest message; asked once per tick. */
class QueueLook {
  private readonly known = new Map<string, Promise<number | null>>();

  constructor(private readonly engine: Engine) {}

  /** When its oldest message was sent, infinity when it is empty, null when it does not say. Milliseconds. */
  oldest(queue: string): Promise<number | null> {
    const look = this.known.get(queue) ?? this.look(queue);
    this.known.set(queue, look);
    return look;
  }

  private async look(name: string): Promise<number | null> {
    try {
      const metrics = await this.engine.queue(name)?.metrics();
      if (metrics?.backlogCount === 0) return Infinity;
      return metrics?.oldestMessageTimestamp?.getTime() ?? null;
    } catch (thrown) {
      // Unknown is not lost: patience decides.
      this.engine.emit({ event: "trouble", where: "metrics", reason: reasonOf(thrown), queue: name });
      return null;
    }
  }
}

/** Each gate with parked jobs says how many may come; a pause is a gate that says none until it is lifted. */
async function admitParked(engine: Engine, now: number, report: SweepReport): Promise<void> {
  const pauses = await engine.ledger.pauses();
  for (const { tenant, gate } of await engine.ledger.parkedGates()) {
    const still = pauses.some((each) => (each.tenant === tenant || each.tenant === "*") && gate === `pause/${each.scope}/${each.name}`);
    if (still) continue;
    const rows = await engine.ledger.parked(tenant, gate, roundSize * 4);
    if (rows.length === 0) {
      await engine.ledger.forgetGate(tenant, gate);
      continue;
    }
    const { count, perSecond } = gate.startsWith("pause/")
      ? { count: rows.length, perSecond: Infinity }
      : await engine.gates.admit(tenant, gate, rows.length, now);
    const let_in = rows.slice(0, count);
    for (const group of bySize(let_in, (row) => row.bytes)) {
      const offset = let_in.indexOf(group[0] as DueJob);
      const back = group.map((row, index) => ({ ...backNow(row, now, false), delaySeconds: Math.min(60, Math.floor((offset + index) / perSecond)) }));
      report.admitted += await bringBack(engine, back, group, now);
    }
  }
}

function backNow(row: DueJob, now: number, swept: boolean): BringBack {
  const wake = now + Math.min(longestSweep, sweepAfter * 2 ** (swept ? row.sweeps + 1 : 0));
  const { tenant, id, seq, wakeAt, gate } = row;
  return { tenant, id, seq, wakeAt, gate, wake, delaySeconds: 0, swept };
}

/** Records the raised generation first, then sends it. */
async function bringBack(engine: Engine, back: readonly BringBack[], rows: readonly DueJob[], now: number): Promise<number> {
  if (rows.length === 0) return 0;
  const stored = await engine.ledger.bringBack(back, now, engine.boot);
  await sendStored(engine, stored, now, new Map(back.map((each) => [`${each.tenant}/${each.id}`, each.delaySeconds])));
  return stored.length;
}

/** Sends rows as the ledger returned them; those no queue takes are marked for the next tick. */
export async function sendStored(engine: Engine, rows: readonly StoredJob[], now: number, delays: ReadonlyMap<string, number> = new Map()): Promise<void> {
  const items = rows.map((row) => ({ envelope: envelopeOf(row), delaySeconds: delays.get(`${row.tenant}/${row.id}`) ?? 0 }));
  const refused = await send(engine, items);
  if (refused.length > 0)
    await engine.ledger.unsent(
      refused.map(({ envelope }) => envelope),
      now + 60_000,
    );
}

function bySize<T>(items: readonly T[], bytes: (item: T) => number): T[][] {
  const groups: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = bytes(item) + 500;
    if (size > room || groups.length === 0) {
      groups.push([]);
      room = roundBytes;
    }
    groups.at(-1)?.push(item);
    room -= size;
  }
  return groups;
}
