import type { Engine } from "../engine";
import { GroupCommit } from "../../group-commit";
import type { Delivery } from "../run/delivery";
import type { GatheredRows, LateRows } from "../memory";
import type { NewJob } from "../ports/intake-ledger";
import { orTrouble } from "../or-trouble";
import { newRow } from "./prepare";
import { keyOf } from "../ref";
import { payloadOf } from "../registry";

/** A job that its queue delivers at once is claimed at most this long after the queue's batch time-out. Milliseconds. */
const pickUpMs = 2000;
/** Rows of one write, and how long rows are gathered: before they wait, and before they are written. */
const [maxRows, lingerMs] = [500, 100];
/** Rows that are not written so long after their time belong to a request that the platform ended. Milliseconds. */
const overdueMs = 3000;
/** Payloads that an isolate keeps for late rows; beyond that rows are written at once. In UTF-16 units. */
const maxHeld = 16_000_000;

/** When the row of an accepted job is written, if its message has not brought it by then. Milliseconds. */
function lateAfterMs(engine: Engine, queue: string): number {
  return engine.batchTimeout(queue) * 1000 + pickUpMs;
}

/**
 * Writes the rows of accepted jobs that still wait after their queue's batch time-out and 2 s. A row that is there by then is left alone and costs no
 * write. If the isolate ends before, the message brings the row.
 */
export function writeLate(engine: Engine, rows: readonly NewJob[]): void {
  for (const [queue, each] of Map.groupBy(rows, (row) => row.queue)) writeAfter(engine, lateAfterMs(engine, queue), each);
}

/** Whether the job probably has no row yet, so that the claim inserts it: no row was needed when it was accepted, and its late row is not due yet. */
export function isFresh(engine: Engine, { envelope: { seq, fp, parent, due, at, queue } }: Delivery, now: number): boolean {
  const isOnDemand = !engine.ledgerFirst && seq === 0 && fp === undefined && parent === undefined && due === undefined;
  return isOnDemand && now - at <= lateAfterMs(engine, queue);
}

/** The row that a message brings. The delivery keeps the payload that was parsed for it. */
export function rowFromDelivery(engine: Engine, delivery: Delivery, now = engine.now()): NewJob {
  const { envelope, contract } = delivery;
  const payload = payloadOf(contract, envelope);
  if (payload !== null) delivery.payload = payload;
  return newRow(engine, contract, envelope, payload, now);
}

/**
 * Rows accepted within 100 ms wait together: a timer, and the request that it keeps alive, cost about as much as an accept. The request that begins to
 * gather rows writes them, and those of requests that ended before they wrote theirs.
 */
function writeAfter(engine: Engine, ms: number, rows: readonly NewJob[]): void {
  const [late, now] = [lateRowsOf(engine), engine.now()];
  late.held += lengthOf(rows);
  const wait = late.held > maxHeld ? 0 : ms;
  const open = late.open.get(wait);
  if (open && now < open.until && open.rows.length + rows.length <= maxRows) return void open.rows.push(...rows);
  const overdue = [...late.unwritten].filter(({ dueAt }) => dueAt + overdueMs < now);
  const gathered = { until: now + lingerMs, dueAt: now + wait, rows: [...rows] };
  late.open.set(wait, gathered);
  late.unwritten.add(gathered);
  engine.later(wait, async () => {
    if (late.open.get(wait) === gathered) late.open.delete(wait);
    await Promise.all([...overdue, gathered].map((each) => writeGathered(engine, late, each)));
  });
}

async function writeGathered(engine: Engine, late: LateRows, gathered: GatheredRows): Promise<void> {
  if (!late.unwritten.delete(gathered)) return;
  await orTrouble(engine, "late rows", () => late.group.add(gathered.rows));
  late.held -= lengthOf(gathered.rows);
}

function lateRowsOf(engine: Engine): LateRows {
  const create = () => new GroupCommit<NewJob>((all) => fill(engine, all), engine.defer, { maxItems: maxRows, lingerMs });
  return (engine.memory.lateRows ??= { held: 0, open: new Map(), unwritten: new Set(), group: create() });
}

function lengthOf(rows: readonly NewJob[]): number {
  return rows.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0);
}

/** Reads first which rows are missing: most exist, so that costs less than trying to write all. */
async function fill(engine: Engine, rows: readonly NewJob[]): Promise<never[]> {
  const missing = new Set((await engine.ledger.missing(rows)).map(keyOf));
  if (missing.size > 0) await engine.ledger.insert(rows.filter((row) => missing.has(keyOf(row))));
  return [];
}
