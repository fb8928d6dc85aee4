import type { Engine } from "../engine";
import { markUnsent } from "./deliver";
import type { Prepared } from "./prepared";
import { accepted, type Receipts, unavailable } from "./receipts";
import { writeLate } from "./row-on-demand";
import { keepUnwritten } from "./unwritten";
import { sendAll, written } from "./write-and-send";

/**
 * The queue, or the ledger where that refuses, is enough: the row of a job without a delay is written on demand. A delayed job's is written beside
 * its message; delays over 15 minutes need the ledger, or ride along while it is down. Locally each row is waited for, or kept until the ledger is back.
 */
export async function acceptUnkeyed(engine: Engine, all: readonly Prepared[]): Promise<Receipts> {
  if (all.length === 0) return new Map();
  const waiting = all.filter((each) => each.row.sent === null);
  const riding = all.filter((each) => each.row.sent !== null);
  const isHeld = await written(engine, waiting);
  const toSend = isHeld ? riding : all;
  const isOnDemand = ({ row }: Prepared) => !engine.ledgerFirst && row.due === null;
  const ahead = riding.filter((each) => !isOnDemand(each));
  const writing = written(engine, ahead);
  const refused = await sendAll(engine, toSend);
  if (engine.ledgerFirst) {
    const withoutRow = [...((await writing) ? [] : riding), ...(isHeld ? [] : waiting)].filter((each) => !refused.has(each));
    for (const each of await keepUnwritten(engine, withoutRow)) refused.add(each);
  } else if (ahead.length > 0) engine.defer(writing);
  const refusedWithoutRow = [...refused].filter(({ row }) => row.sent !== null);
  const unsent = (await written(engine, refusedWithoutRow)) ? refusedWithoutRow : [];
  await markUnsent(
    engine,
    unsent.map(({ row }) => row),
  );
  writeLate(
    engine,
    riding.filter((each) => isOnDemand(each) && !refused.has(each)).map(({ row }) => row),
  );
  for (const each of unsent) refused.delete(each);
  return new Map(all.map((each) => [each, refused.has(each) ? unavailable() : accepted(each, false)]));
}
