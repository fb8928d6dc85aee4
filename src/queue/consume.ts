import { claim, claimAlone } from "./run/claim";
import type { Engine } from "./engine";
import { executeAll } from "./execute";
import type { Execution } from "./execution";
import type { ForeignReaders } from "./run/foreign";
import { lastStart, leaseFor, maxBatchMs } from "./lease";
import type { Lease } from "./ports/run-ledger";
import { redeliver } from "./message-answer";
import { open } from "./run/open";
import { offerRemote } from "./run/remote";
import { redactedReason } from "../masking/redact";
import type { Delivery } from "./run/delivery";
import { noteArrivals } from "./run/overflow";
import { Settler } from "./settler";
import { QueueBatch } from "./run/queue-batch";
import { sendSurplusOn, type Suspect } from "./run/suspects";

/** The queue handler: answers every message of the batch on its own, never throws and leaves nothing running. */
export async function consume(engine: Engine, messages: readonly Message[], queue: string, readers: ForeignReaders = {}): Promise<void> {
  const startedAt = engine.now();
  try {
    const deliveries = await offerRemote(engine, await open(engine, messages, queue, readers[queue]));
    const claimed = deliveries.length === 0 ? 0 : await claimAndExecute(engine, deliveries, new QueueBatch(engine, queue, messages.length));
    engine.emit({ event: "batch", queue, messages: messages.length, claimed, ms: engine.now() - startedAt });
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "consume", reason: redactedReason(thrown), queue });
    // The platform ignores it for messages that were answered.
    redeliver(engine, messages);
  }
}

/** Returns how many were claimed, those that were to be claimed alone included. */
async function claimAndExecute(engine: Engine, deliveries: readonly Delivery[], batch: QueueBatch): Promise<number> {
  const lease = leaseFor(engine, deliveries);
  const [{ claimed, suspects }] = await Promise.all([
    claim(engine, deliveries, lease, batch.queue),
    batch.isOverflow ? noteArrivals(engine, deliveries) : undefined,
  ]);
  await execute(engine, claimed, lease, batch);
  for (const suspect of await sendSurplusOn(engine, suspects)) await executeAlone(engine, suspect, lease.now + maxBatchMs, batch);
  return claimed.length + suspects.length;
}

async function execute(engine: Engine, executions: readonly Execution[], lease: Lease, batch: QueueBatch): Promise<void> {
  if (executions.length === 0) return;
  const settler = new Settler(engine, lease);
  await settler.settleDuring(executeAll(engine, executions, settler, batch));
}

/** A job that is suspected of killing its Worker runs with no other beside it, after all others are settled: they lose nothing by its death. */
async function executeAlone(engine: Engine, suspect: Suspect, batchEnd: number, batch: QueueBatch): Promise<void> {
  const { delivery } = suspect;
  if (engine.now() >= lastStart(batchEnd, delivery.contract.policy)) return delivery.redeliver(engine);
  const lease = leaseFor(engine, [delivery]);
  const execution = await claimAlone(engine, suspect, lease);
  if (execution) await execute(engine, [execution], lease, batch);
}
