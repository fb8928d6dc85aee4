import { maxQueueDelaySeconds } from "../backoff";
import type { Engine } from "../engine";
import { redactedReason } from "../../masking/redact";
import { type Chunk, packed, type Sendable } from "./pack";

/** Limits of one sendBatch: 100 messages and 256,000 bytes, less what the platform adds per message. */
const maxBatchMessages = 100;
const maxBatchBytes = 250_000;
const overheadBytes = 150;

/** Packs jobs into messages and cuts those into chunks, queue by queue. */
export function cut(engine: Engine, items: readonly Sendable[]): Chunk[] {
  const open = new Map<string, Chunk>();
  const chunks: Chunk[] = [];
  for (const message of packed(items, (type) => maxJobsOf(engine, type))) {
    const bytes = message.bytes + overheadBytes;
    let chunk = open.get(message.queue);
    if (!chunk || chunk.messages.length >= maxBatchMessages || chunk.bytes + bytes > maxBatchBytes) {
      chunk = { queue: message.queue, messages: [], jobs: 0, bytes: 0 };
      open.set(message.queue, chunk);
      chunks.push(chunk);
    }
    chunk.messages.push(message);
    chunk.jobs += message.items.length;
    chunk.bytes += bytes;
  }
  return chunks;
}

function maxJobsOf(engine: Engine, type: string): number {
  return engine.sendsPacks ? (engine.registry.find(type)?.contract.policy.pack ?? 1) : 1;
}

export function itemsOf({ messages }: Chunk): Sendable[] {
  return messages.flatMap(({ items }) => items);
}

/** Whether its queue took the chunk; the backlog that it reports is remembered. Never throws. */
export async function sendChunk(engine: Engine, chunk: Chunk): Promise<boolean> {
  const producer = engine.queue(chunk.queue);
  if (!producer) {
    engine.emit({ event: "trouble", where: "send", reason: "no such queue in this deployment", queue: chunk.queue });
    return false;
  }
  try {
    const messages = chunk.messages.map(({ body, delaySeconds }) => ({
      body,
      delaySeconds: Math.min(maxQueueDelaySeconds, Math.max(0, Math.ceil(delaySeconds))),
    }));
    const { metadata } = await producer.sendBatch(messages);
    const count = metadata?.metrics?.backlogCount;
    if (count !== undefined) engine.memory.backlogs.set(chunk.queue, { count, at: engine.now() });
    engine.memory.refusals.delete(chunk.queue);
    return true;
  } catch (thrown) {
    engine.memory.refusals.set(chunk.queue, engine.now());
    const reason = `the queue took none of ${chunk.messages.length} messages; the tick sends those that the ledger holds: ${redactedReason(thrown)}`;
    engine.emit({ event: "trouble", where: "send", reason, queue: chunk.queue });
    return false;
  }
}
