import type { Engine } from "./engine";
import { reasonOf } from "./redact";
import { keyOf } from "./ref";
import { envelopeOf } from "./envelope";
import type { Pause } from "./ledger";
import type { BringBack, DueJob, StoredJob, WalkedJob } from "./recovery";
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
  const look = await createLook(engine);
  await sweepDue(engine, now, look, report);
  await walk(engine, now, look, report);
  await admitParked(engine, now, look, report);
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

/** Open rows older than ten minutes that nothing points at get a side row; what needs a message now gets it from the next round. */
async function walk(engine: Engine, now: number, look: Look, report: SweepReport): Promise<void> {
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const page = await engine.ledger.walk(now - sweepAfter, roundSize * 4, (row) => firstLook(row, now, look));
    found += page.found;
    if (!page.more) break;
    if (round === rounds - 1) report.more = true;
  }
  if (found > 0) await sweepDue(engine, now, look, report);
}

/** A row that was never looked at, judged as the tick would: its side row stands for the time when something is to be done. */
async function firstLook({ tenant, id, state, queue, sent }: WalkedJob, now: number, look: Look): Promise<number> {
  const row = { tenant, id, state, type: "", queue, seq: 0, until: 0, sent, wake: 0, wakeAt: 0, gate: null, sweeps: 0, cancel: false, bytes: 0 };
  const next = state === "running" ? "now" : await nextLook(row, now, look);
  return typeof next === "number" ? next : now;
}

async function sweepDue(engine: Engine, now: number, look: Look, report: SweepReport): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const rows = await engine.ledger.due(now, roundSize);
    if (rows.length === 0) return;
    const back: { row: DueJob; swept: boolean }[] = [];
    const rewake: { at: number; tenant: string; id: string; wake: number | null }[] = [];
    for (const row of rows) {
      const wake = await nextLook(row, now, look);
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
async function nextLook(row: DueJob, now: number, { queues, paused }: Look): Promise<"now" | number | null> {
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

/** What is looked up once per tick. */
interface Look {
  queues: QueueLook;
  pauses: readonly Pause[];
  /** Queues held for everybody. */
  paused: ReadonlySet<string>;
}

async function createLook(engine: Engine): Promise<Look> {
  const pauses = await engine.ledger.pauses();
  const paused = new Set(pauses.filter(({ scope, tenant }) => scope === "queue" && tenant === "*").map(({ name }) => name));
  return { queues: new QueueLook(engine), pauses, paused };
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

/** Gates asked in one tick, and jobs let in at all of them: the next tick begins with the next gates. */
const mostGates = 200;
const mostAdmitted = 5000;

/** Each gate with parked jobs says how many may come, and they come one of each tenant in turn. A pause is a gate that says none until it is lifted. */
async function admitParked(engine: Engine, now: number, look: Look, report: SweepReport): Promise<void> {
  const waiting = await engine.ledger.parkedGates();
  const start = waiting.length > mostGates ? (Math.floor(now / 60_000) * mostGates) % waiting.length : 0;
  const gates = [...waiting.slice(start), ...waiting.slice(0, start)].slice(0, mostGates);
  const admissions = await Promise.all(gates.map(({ tenant, gate }) => admission(engine, tenant, gate, now, look.pauses)));
  const byTenant = Map.groupBy(admissions.flat(), ({ row }) => row.tenant);
  const turn = inTurn([...byTenant.values()]).slice(0, mostAdmitted);
  if (turn.length < admissions.flat().length) report.more = true;
  for (const group of bySize(turn, ({ row }) => row.bytes)) {
    const back = group.map(({ row, delaySeconds }) => ({ ...backNow(row, now, false), delaySeconds }));
    const rows = group.map(({ row }) => row);
    report.admitted += await bringBack(engine, back, rows, now);
  }
}

interface Admitted {
  row: DueJob;
  /** Its place in the minute, by the gate's rate. */
  delaySeconds: number;
}

async function admission(engine: Engine, tenant: string, gate: string, now: number, pauses: readonly Pause[]): Promise<Admitted[]> {
  const held = pauses.some((each) => (each.tenant === tenant || each.tenant === "*") && gate === `pause/${each.scope}/${each.name}`);
  if (held) return [];
  const rows = await engine.ledger.parked(tenant, gate, roundSize * 2);
  if (rows.length === 0) {
    await engine.ledger.forgetGate(tenant, gate);
    return [];
  }
  const lifted = { count: rows.length, perSecond: Infinity };
  const { count, perSecond } = gate.startsWith("pause/") ? lifted : await engine.gates.admit(tenant, gate, rows.length, now);
  return rows.slice(0, count).map((row, index) => ({ row, delaySeconds: Math.min(60, Math.floor(index / perSecond)) }));
}

/** The first of each list, then the second of each, and so on. */
function inTurn<T>(all: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...all.map((list) => list.length));
  return Array.from({ length: longest }, (_, index) => all.flatMap((list) => list.slice(index, index + 1))).flat();
}

function backNow(row: DueJob, now: number, swept: boolean): BringBack {
  const wake = now + Math.min(longestSweep, sweepAfter * 2 ** (swept ? row.sweeps + 1 : 0));
  const { tenant, id, seq, wakeAt, gate } = row;
  return { tenant, id, seq, wakeAt, gate, wake, delaySeconds: 0, swept };
}

/** Records the raised generation first, then sends it. */
async function bringBack(engine: Engine, back: readonly BringBack[], rows: readonly DueJob[], now: number): Promise<number> {
  if (rows.length === 0) return 0;
  const place = new Map(back.map((each, index) => [keyOf(each), index]));
  const stored = (await engine.ledger.bringBack(back, now, engine.boot)).toSorted(
    (left, right) => (place.get(keyOf(left)) ?? 0) - (place.get(keyOf(right)) ?? 0),
  );
  await sendStored(engine, stored, now, new Map(back.map((each) => [keyOf(each), each.delaySeconds])));
  return stored.length;
}

/** Sends rows as the ledger returned them; those no queue takes are marked for the next tick. */
export async function sendStored(engine: Engine, rows: readonly StoredJob[], now: number, delays: ReadonlyMap<string, number> = new Map()): Promise<void> {
  const items = rows.map((row) => ({ envelope: envelopeOf(row), delaySeconds: delays.get(keyOf(row)) ?? 0 }));
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
