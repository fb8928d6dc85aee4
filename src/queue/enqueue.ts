import { buryFailed } from "./accept/bury";
import { acceptKeyed } from "./accept/keyed";
import { prepare } from "./accept/prepare";
import type { Prepared } from "./accept/prepared";
import { applyQuotas } from "./accept/quota";
import { type Receipts, unavailable } from "./accept/receipts";
import { acceptUnkeyed } from "./accept/unkeyed";
import type { Engine } from "./engine";
import { GroupCommit } from "../group-commit";
import { orTrouble } from "./or-trouble";
import type { EnqueueRequest, Receipt } from "./request";

/**
 * Accepts many jobs, one receipt each in their order. Accepted means that a queue took it or the ledger holds it.
 * Never throws for what a sender can cause.
 */
export async function enqueue(engine: Engine, requests: readonly EnqueueRequest[]): Promise<Receipt[]> {
  const { refused, repeats } = await applyQuotas(engine, requests);
  const prepared = await Promise.all(requests.map((request) => refused.get(request) ?? prepare(engine, request, { isRepeat: repeats.has(request) })));
  const valid = prepared.filter((each) => "envelope" in each);
  const { failed = [], keyed = [], unkeyed = [] } = Object.groupBy(valid, preparedKind);
  const answers = await Promise.all([acceptKeyed(engine, keyed), acceptUnkeyed(engine, unkeyed), recordFailed(engine, failed)]);
  const receipts: Receipts = new Map(answers.flatMap((each) => [...each]));
  announceEnqueued(engine, receipts);
  return prepared.map((each) => ("envelope" in each ? (receipts.get(each) ?? unavailable()) : each));
}

function preparedKind({ failed, keyed }: Prepared): "failed" | "keyed" | "unkeyed" {
  if (failed !== undefined) return "failed";
  return keyed ? "keyed" : "unkeyed";
}

/** Records jobs that failed in another system as dead letters: no queue gets them, so they do not run. */
async function recordFailed(engine: Engine, all: readonly Prepared[]): Promise<Receipts> {
  const recorded = await orTrouble(engine, "ledger", async () => {
    await buryFailed(engine, all);
    return true;
  });
  const receiptOf = (each: Prepared): Receipt =>
    recorded ? { ok: true, id: each.id, type: each.contract.type, state: "discarded", replayed: false } : unavailable();
  return new Map(all.map((each) => [each, receiptOf(each)]));
}

/** One event per tenant and type, for the counters. */
function announceEnqueued(engine: Engine, receipts: Receipts): void {
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
  const group = (engine.memory.children ??= new GroupCommit((all) => acceptGroup(engine, all), engine.defer, { timeoutMs: childTimeoutMs }));
  const [receipt = unavailable()] = (await orTrouble(engine, "children", () => group.add([prepared]))) ?? [];
  return receipt;
}

async function acceptGroup(engine: Engine, all: readonly Prepared[]): Promise<Receipt[]> {
  const receipts = await acceptKeyed(engine, all);
  announceEnqueued(engine, receipts);
  return all.map((each) => receipts.get(each) ?? unavailable());
}
