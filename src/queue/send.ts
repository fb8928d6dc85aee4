import type { Engine } from "./engine";
import type { Envelope } from "./envelope";
import { longestDelay } from "./backoff";
import { reasonOf } from "../masking/redact";

/** Limits of one sendBatch: 100 messages and 256,000 bytes, less what the platform adds per message. */
const batchMessages = 100;
const batchBytes = 250_000;
const overhead = 150;
/** Characters. With three bytes each, 700 for the other fields and the overhead such a message is below a hundredth of a batch. */
const shortPayload = 500;
const encoder = new TextEncoder();
/** Chunks under way at once: a Worker has six connections. */
const lanes = 4;

export interface Sendable {
  envelope: Envelope;
  /** Whole seconds; 0 for now. */
  delaySeconds: number;
}

/** A refusal counts as the queue's state for so long. */
const maxRefusalAgeMs = 5 * 60_000;

/** Sends envelopes to their queues, cut into batches. Returns those no queue took; never throws. */
export async function send(engine: Engine, items: readonly Sendable[]): Promise<Sendable[]> {
  const chunks = cut(items);
  const refused: Sendable[] = [];
  const next = chunks.values();
  const lane = async () => {
    for (const chunk of next) if (!(await sendChunk(engine, chunk))) refused.push(...chunk.items);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, chunks.length) }, lane));
  return refused;
}

/** Queues that refused the newest send of this isolate, within the last five minutes. */
export function refusingQueues(engine: Engine): string[] {
  return [...engine.memory.refusals].filter(([, at]) => engine.now() - at < maxRefusalAgeMs).map(([queue]) => queue);
}

/** The backlog a queue reported within the last 30 s; undefined when it is not known. */
export function knownBacklog(engine: Engine, queue: string): number | undefined {
  const known = engine.memory.backlogs.get(queue);
  return known && engine.now() - known.at < 30_000 ? known.count : undefined;
}

/** Whether a queue is known to hold as much as it may. */
export function isFull(engine: Engine, queue: string): boolean {
  return (knownBacklog(engine, queue) ?? 0) >= engine.backlogLimit(queue);
}

interface Chunk {
  queue: string;
  items: Sendable[];
  bytes: number;
}

function cut(items: readonly Sendable[]): Chunk[] {
  const open = new Map<string, Chunk>();
  const chunks: Chunk[] = [];
  for (const item of items) {
    const bytes = sizeOf(item.envelope);
    let chunk = open.get(item.envelope.queue);
    if (!chunk || chunk.items.length >= batchMessages || chunk.bytes + bytes > batchBytes) {
      chunk = { queue: item.envelope.queue, items: [], bytes: 0 };
      open.set(item.envelope.queue, chunk);
      chunks.push(chunk);
    }
    chunk.items.push(item);
    chunk.bytes += bytes;
  }
  return chunks;
}

/** Bytes of one message, or a little more: a hundred with short payloads fit into a batch, so those are not counted. */
function sizeOf(envelope: Envelope): number {
  // The payload is JSON already: within the message a character of it takes three bytes at most, an escaped quote two.
  if (envelope.payload !== undefined && envelope.payload.length <= shortPayload) return batchBytes / batchMessages;
  return encoder.encode(JSON.stringify(envelope)).length + overhead;
}

async function sendChunk(engine: Engine, chunk: Chunk): Promise<boolean> {
  const producer = engine.queue(chunk.queue);
  if (!producer) {
    engine.emit({ event: "trouble", where: "send", reason: "no such queue in this deployment", queue: chunk.queue });
    return false;
  }
  try {
    const messages = chunk.items.map(({ envelope, delaySeconds }) => ({
      body: envelope,
      delaySeconds: Math.min(longestDelay, Math.max(0, Math.ceil(delaySeconds))),
    }));
    const { metadata } = await producer.sendBatch(messages);
    const count = metadata?.metrics?.backlogCount;
    if (count !== undefined) engine.memory.backlogs.set(chunk.queue, { count, at: engine.now() });
    engine.memory.refusals.delete(chunk.queue);
    return true;
  } catch (thrown) {
    engine.memory.refusals.set(chunk.queue, engine.now());
    const reason = `the queue took none of ${chunk.items.length} messages; the tick sends those that the ledger holds: ${reasonOf(thrown)}`;
    engine.emit({ event: "trouble", where: "send", reason, queue: chunk.queue });
    return false;
  }
}
