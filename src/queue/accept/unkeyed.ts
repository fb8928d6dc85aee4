import type { Engine } from "../engine";
import { markUnsent } from "../send/deliver";
import type { Prepared } from "./prepared";
import { accepted, type Receipts, unavailable } from "./receipts";
import { writeLate } from "./row-on-demand";
import { keepUnwritten } from "./unwritten";
import { sendAll, writeRows } from "./write-and-send";

/**
 * The queue, or the ledger where that refuses, is enough. Delays over 15 minutes need the ledger, or ride along while it is down; other jobs are sent,
 * locally with their rows, elsewhere before them.
 */
export async function acceptUnkeyed(engine: Engine, all: readonly Prepared[]): Promise<Receipts> {
  if (all.length === 0) return new Map();
  const isHeld = await writeRows(
    engine,
    all.filter((each) => !rides(each)),
  );
  const toSend = isHeld ? all.filter(rides) : all;
  const refused = engine.ledgerFirst ? await sendWithRows(engine, toSend) : await sendBeforeRows(engine, toSend);
  for (const each of await recordUnsent(engine, [...refused].filter(rides))) refused.delete(each);
  return new Map(all.map((each) => [each, refused.has(each) ? unavailable() : accepted(each, false)]));
}

/** Whether a message carries the job now; the others wait in the ledger. */
function rides({ row }: Prepared): boolean {
  return row.sent !== null;
}

/** Locally each row is waited for, or kept until the ledger is back. Returns the jobs that neither keeps, or no queue took. */
async function sendWithRows(engine: Engine, jobs: readonly Prepared[]): Promise<Set<Prepared>> {
  const writing = writeRows(engine, jobs.filter(rides));
  const refused = await sendAll(engine, jobs);
  const areWritten = await writing;
  const withoutRow = jobs.filter((each) => !refused.has(each) && !(areWritten && rides(each)));
  for (const each of await keepUnwritten(engine, withoutRow)) refused.add(each);
  return refused;
}

/** The row of a delayed job is written beside its message, that of another on demand. Returns the jobs that no queue took. */
async function sendBeforeRows(engine: Engine, jobs: readonly Prepared[]): Promise<Set<Prepared>> {
  const delayed = jobs.filter((each) => rides(each) && each.row.due !== null);
  const writing = writeRows(engine, delayed);
  const refused = await sendAll(engine, jobs);
  if (delayed.length > 0) engine.defer(writing);
  const onDemand = jobs.filter((each) => rides(each) && each.row.due === null && !refused.has(each));
  writeLate(
    engine,
    onDemand.map(({ row }) => row),
  );
  return refused;
}

/** Writes the rows of jobs that no queue took, for the tick to send them. Returns those that have a row now: they are accepted. */
async function recordUnsent(engine: Engine, jobs: readonly Prepared[]): Promise<readonly Prepared[]> {
  if (!(await writeRows(engine, jobs))) return [];
  await markUnsent(
    engine,
    jobs.map(({ row }) => row),
  );
  return jobs;
}
