import { buryFailed } from "./accept/bury";
import type { Engine } from "./engine";
import { deliver, markUnsent } from "./accept/deliver";
import { envelopeOf } from "./envelope";
import { keepFormerIds } from "./accept/former";
import { GroupCommit } from "../group-commit";
import type { KnownJob } from "./ports/intake-ledger";
import { writeLate } from "./accept/row-on-demand";
import { orTrouble } from "./or-trouble";
import { copyPastBacklog } from "./accept/past-backlog";
import { copyDelay, heldOrQueued } from "./placement";
import { prepare } from "./accept/prepare";
import type { Prepared } from "./accept/prepared";
import { applyQuotas } from "./accept/quota";
import { reasonOf } from "../masking/redact";
import { ending, mismatch, unavailable } from "./accept/refused";
import type { EnqueueRequest, Receipt } from "./request";
import { send, type Sendable } from "./accept/send";
import { isTerminal, revivedByKey } from "./state";
import { keepUnwritten } from "./accept/unwritten";

/**
 * Accepts many jobs, one receipt each in their order. Accepted means that a queue took it or the ledger holds it.
 * Never throws for what a sender can cause.
 */
export async function enqueue(engine: Engine, requests: readonly EnqueueRequest[]): Promise<Receipt[]> {
  const { refused, repeats } = await applyQuotas(engine, requests);
  const prepared = await Promise.all(requests.map((request) => refused.get(request) ?? prepare(engine, request, { isRepeat: repeats.has(request) })));
  const valid = prepared.filter((each) => "envelope" in each);
  const receipts = new Map<Prepared, Receipt>();
  await Promise.all([
    acceptKeyed(
      engine,
      valid.filter((each) => each.keyed && each.failed === undefined),
      receipts,
    ),
    acceptUnkeyed(
      engine,
      valid.filter((each) => !each.keyed && each.failed === undefined),
      receipts,
    ),
    recordFailed(
      engine,
      valid.filter((each) => each.failed !== undefined),
      receipts,
    ),
  ]);
  announce(engine, receipts);
  return prepared.map((each) => ("envelope" in each ? (receipts.get(each) ?? unavailable()) : each));
}

/** They do not run: no queue gets them. */
async function recordFailed(engine: Engine, all: readonly Prepared[], receipts: Map<Prepared, Receipt>): Promise<void> {
  const recorded = await orTrouble(engine, "ledger", async () => {
    await buryFailed(engine, all);
    return true;
  });
  for (const each of all) {
    receipts.set(each, recorded ? { ok: true, id: each.id, type: each.contract.type, state: "discarded", replayed: false } : unavailable());
  }
}

/** One event per tenant and type, for the counters. */
function announce(engine: Engine, receipts: ReadonlyMap<Prepared, Receipt>): void {
  const fresh = [...receipts].filter(([, receipt]) => receipt.ok && !receipt.replayed && receipt.state !== "discarded").map(([{ envelope }]) => envelope);
  for (const group of Map.groupBy(fresh, ({ tenant, type }) => `${tenant}/${type}`).values()) {
    const [first] = group;
    if (first) engine.emit({ event: "enqueued", tenant: first.tenant, type: first.type, count: group.length });
  }
}

/** Longer than the ledger takes to give up its own write. */
const childTimeoutMs = 25_000;

/** Accepts what was prepared elsewhere under a derived id (children). Never throws. */
export async function accept(engine: Engine, prepared: Prepared): Promise<Receipt> {
  const group = (engine.memory.children ??= new GroupCommit((all) => acceptChildren(engine, all), engine.defer, { timeoutMs: childTimeoutMs }));
  const [receipt = unavailable()] = (await orTrouble(engine, "children", () => group.add([prepared]))) ?? [];
  return receipt;
}

async function acceptChildren(engine: Engine, all: readonly Prepared[]): Promise<Receipt[]> {
  const receipts = new Map<Prepared, Receipt>();
  await acceptKeyed(engine, all, receipts);
  announce(engine, receipts);
  return all.map((each) => receipts.get(each) ?? unavailable());
}

/**
 * The queue, or the ledger where that refuses, is enough: the row of a job without a delay is written on demand. A delayed job's is written beside
 * its message; delays over 15 minutes need the ledger, or ride along while it is down. Locally each row is waited for, or kept until the ledger is back.
 */
async function acceptUnkeyed(engine: Engine, all: readonly Prepared[], receipts: Map<Prepared, Receipt>): Promise<void> {
  if (all.length === 0) return;
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
  for (const each of all) receipts.set(each, refused.has(each) ? unavailable() : accepted(each, false));
}

/** The row comes first and decides; with the ledger down the derived id alone does, and the claim rejects another payload later. */
async function acceptKeyed(engine: Engine, all: readonly Prepared[], receipts: Map<Prepared, Receipt>): Promise<void> {
  if (all.length === 0) return;
  await keepFormerIds(engine, all);
  const known = await insertKeyed(engine, all);
  const toSend: Prepared[] = [];
  const toRevive: Prepared[] = [];
  const sent = new Set<string>();
  for (const [index, each] of all.entries()) {
    const row = known?.[index];
    if (!row) toSend.push(known ? each : unasked(each));
    else if (isErased(row, each)) receipts.set(each, { ...accepted(each, true), state: row.state, erased: true });
    else if (row.fp !== each.row.fp) receipts.set(each, mismatch());
    else if (isEnding(row, each)) receipts.set(each, ending());
    else {
      receipts.set(each, { ...accepted(each, !row.inserted), state: row.state });
      if (isRevived(row, each)) toRevive.push(each);
      else if (needsMessage(row) && !sent.has(each.id)) toSend.push(each);
      sent.add(each.id);
    }
  }
  // Those that are to wait until the same time are brought back together.
  for (const group of Map.groupBy(toRevive, ({ row }) => row.due).values()) await reviveKeyed(engine, group, receipts);
  const held = known !== undefined;
  const refused = await sendAll(
    engine,
    toSend.filter((each) => each.row.sent !== null || !held),
    held ? deliver : send,
  );
  const withoutRow = held ? [] : toSend.filter((each) => !refused.has(each));
  for (const each of await keepUnwritten(engine, withoutRow)) refused.add(each);
  for (const each of toSend) {
    if (refused.has(each) && !held) receipts.set(each, unavailable());
    else if (!receipts.has(each)) receipts.set(each, accepted(each, false));
  }
}

/** It could not be read whether its key names a job that has ended: the delivery looks. */
function unasked(each: Prepared): Prepared {
  if (each.revives && each.envelope.fp !== undefined) each.envelope.unasked = true;
  return each;
}

/** The row's fingerprint was erased with a person's data. A repeat cannot be compared: it gets the old id, and nothing is enqueued. */
function isErased(row: KnownJob, { row: { fp } }: Prepared): boolean {
  return row.fp === null && fp !== null;
}

/** A new row, or one whose sender may have died between row and message: a second copy of the same generation is harmless. */
function needsMessage(row: KnownJob): boolean {
  return row.inserted || (row.state === "queued" && row.seq === 0);
}

/** A parent that is run again repeats nothing. */
function isRevived({ state }: KnownJob, { revives }: Prepared): boolean {
  return revives && revivedByKey.includes(state);
}

/** Asked to end while it runs: it is to run again, and cannot before it has ended. */
function isEnding({ state, cancel }: KnownJob, { revives }: Prepared): boolean {
  return revives && cancel === 1 && !isTerminal(state);
}

async function reviveKeyed(engine: Engine, group: readonly Prepared[], receipts: Map<Prepared, Receipt>): Promise<void> {
  const now = engine.now();
  const place = heldOrQueued(group[0]?.row.due ?? null, now);
  try {
    const refs = group.map(({ row }) => ({ tenant: row.tenant, id: row.id }));
    const rows = await engine.ledger.revive(refs, { from: revivedByKey, event: "revived", boot: engine.boot, place }, now);
    // As the ledger has them: an operator may have patched a payload meanwhile.
    const delaySeconds = copyDelay(place, now);
    if (delaySeconds !== null)
      await deliver(
        engine,
        rows.map((row) => ({ envelope: envelopeOf(row), delaySeconds })),
      );
    for (const each of group) receipts.set(each, { ...accepted(each, true), state: "queued" });
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "ledger", reason: reasonOf(thrown) });
    for (const each of group) receipts.set(each, unavailable());
  }
}

/** One row for each, in their order; undefined when the ledger is away. */
function insertKeyed(engine: Engine, all: readonly Prepared[]): Promise<KnownJob[] | undefined> {
  return orTrouble(engine, "ledger", () => engine.ledger.insertKeyed(all.map((each) => each.row)));
}

async function sendAll(engine: Engine, all: readonly Prepared[], how: typeof send = send): Promise<Set<Prepared>> {
  const byEnvelope = new Map(all.map((each) => [each.envelope, each]));
  const items: Sendable[] = all.map(({ envelope, delaySeconds }) => ({ envelope, delaySeconds }));
  const refused = new Set(await how(engine, items));
  copyPastBacklog(
    engine,
    items.filter((each) => !refused.has(each)),
  );
  return new Set([...refused].map(({ envelope }) => byEnvelope.get(envelope)).filter((each) => each !== undefined));
}

/** Whether the rows are in the ledger; a failure is an event, not a throw. */
async function written(engine: Engine, all: readonly Prepared[]): Promise<boolean> {
  if (all.length === 0) return true;
  const insert = async () => {
    await engine.ledger.insert(all.map((each) => each.row));
    return true;
  };
  return (await orTrouble(engine, "ledger", insert)) ?? false;
}

function accepted(each: Prepared, replayed: boolean) {
  return { ok: true, id: each.id, type: each.contract.type, state: "queued", replayed } as const;
}
