import { redactedReason } from "../../masking/redact";
import type { Engine } from "../engine";
import { envelopeOf } from "../envelope";
import { orTrouble } from "../or-trouble";
import { copyDelay, heldOrQueued } from "../placement";
import type { KnownJob } from "../ports/intake-ledger";
import type { Receipt } from "../request";
import { isTerminal, revivedByKey } from "../state";
import { deliver } from "../send/deliver";
import { keepFormerIds } from "./former";
import type { Prepared } from "./prepared";
import { accepted, ending, mismatch, type Receipts, unavailable } from "./receipts";
import { keepUnwritten } from "./unwritten";
import { sendAll } from "./write-and-send";

/** The row comes first and decides what each key stands for: a new job, the same one again, another payload, or a job that ended and is brought back. */
export async function acceptKeyed(engine: Engine, all: readonly Prepared[]): Promise<Receipts> {
  if (all.length === 0) return new Map();
  await keepFormerIds(engine, all);
  const known = await orTrouble(engine, "ledger", () => engine.ledger.insertKeyed(all.map((each) => each.row)));
  return known ? acceptByRows(engine, all, known) : acceptWithoutLedger(engine, all);
}

/** `known`: one row for each, in their order. */
async function acceptByRows(engine: Engine, all: readonly Prepared[], known: readonly KnownJob[]): Promise<Receipts> {
  const receipts: Receipts = new Map();
  const toSend = new Map<string, Prepared>();
  const toRevive: Prepared[] = [];
  for (const [index, each] of all.entries()) {
    const { receipt, next } = answerFor(known[index], each);
    receipts.set(each, receipt);
    if (next === "revive") toRevive.push(each);
    if (next === "send" && !toSend.has(each.id)) toSend.set(each.id, each);
  }
  // Those that are to wait until the same time are brought back together.
  for (const group of Map.groupBy(toRevive, ({ row }) => row.due).values()) await reviveKeyed(engine, group, receipts);
  const travelling = [...toSend.values()].filter(({ row }) => row.sent !== null);
  await sendAll(engine, travelling, deliver);
  return receipts;
}

function answerFor(row: KnownJob | undefined, each: Prepared): { receipt: Receipt; next?: "send" | "revive" } {
  if (!row) return { receipt: accepted(each, false), next: "send" };
  if (isErased(row, each)) return { receipt: { ...accepted(each, true), state: row.state, erased: true } };
  if (row.fp !== each.row.fp) return { receipt: mismatch() };
  if (isEnding(row, each)) return { receipt: ending() };
  const receipt = { ...accepted(each, !row.inserted), state: row.state };
  if (isRevived(row, each)) return { receipt, next: "revive" };
  return needsMessage(row) ? { receipt, next: "send" } : { receipt };
}

/** The ledger is away: the derived id alone decides, and the claim rejects another payload later. */
async function acceptWithoutLedger(engine: Engine, all: readonly Prepared[]): Promise<Receipts> {
  for (const { revives, envelope } of all) {
    // It could not be read whether the key names a job that has ended: the claim looks.
    if (revives && envelope.fp !== undefined) envelope.unasked = true;
  }
  const refused = await sendAll(engine, all);
  const sent = all.filter((each) => !refused.has(each));
  for (const each of await keepUnwritten(engine, sent)) refused.add(each);
  return new Map(all.map((each) => [each, refused.has(each) ? unavailable() : accepted(each, false)]));
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

async function reviveKeyed(engine: Engine, group: readonly Prepared[], receipts: Receipts): Promise<void> {
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
    engine.emit({ event: "trouble", where: "ledger", reason: redactedReason(thrown) });
    for (const each of group) receipts.set(each, unavailable());
  }
}
