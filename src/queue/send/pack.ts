import type { Envelope, Pack, PackedJob } from "../envelope";

/** Bytes of an encoded pack: Cloudflare bills a message for each 64,000 bytes. */
export const maxPackBytes = 64_000;
/** Characters. Payloads up to this are not encoded to be counted. */
const shortPayload = 500;
/** Bytes of the names of all other fields and of what in them has no length of its own, or a little more. */
const otherFields = 240;
const encoder = new TextEncoder();

export interface Sendable {
  envelope: Envelope;
  /** Whole seconds; 0 for now. */
  delaySeconds: number;
  /** Travels in a message of its own: it may have killed its Worker. */
  single?: boolean | undefined;
  /** The queue it is sent to, if not its own. */
  queue?: string | undefined;
}

/** One message on its way to a queue. */
interface Outgoing {
  queue: string;
  body: Envelope | Pack;
  delaySeconds: number;
  /** Size of the body, or a little more. */
  bytes: number;
  items: Sendable[];
}

/** What one sendBatch takes to a queue. */
export interface Chunk {
  queue: string;
  messages: Outgoing[];
  jobs: number;
  bytes: number;
}

/**
 * Puts jobs of one tenant, type, queue and delay into packs of at most `maxJobsOf` their type and 64,000 bytes, in their order. What has its
 * payload elsewhere, is to travel alone, or finds no other travels as it is. Each job is in exactly one message. Pure.
 */
export function packed(items: readonly Sendable[], maxJobsOf: (type: string) => number): Outgoing[] {
  const open = new Map<string, Outgoing>();
  const messages: Outgoing[] = [];
  for (const item of items) {
    const { envelope, delaySeconds, single } = item;
    const bytes = bytesOf(envelope);
    const maxJobs = single || envelope.ref !== undefined ? 1 : maxJobsOf(envelope.type);
    const key = `${envelope.tenant}/${envelope.type}/${item.queue ?? envelope.queue}/${delaySeconds}`;
    const last = maxJobs > 1 ? open.get(key) : undefined;
    // The second job makes it a pack, which has fields of its own.
    const more = last?.items.length === 1 ? bytes + otherFields : bytes;
    if (last && last.items.length < maxJobs && last.bytes + more <= maxPackBytes) {
      last.items.push(item);
      last.bytes += more;
    } else {
      const message = { queue: item.queue ?? envelope.queue, body: envelope, delaySeconds, bytes, items: [item] };
      messages.push(message);
      if (maxJobs > 1) open.set(key, message);
    }
  }
  for (const message of messages) if (message.items.length > 1) message.body = packOf(message.items);
  return messages;
}

function packOf(items: readonly Sendable[]): Pack {
  const [{ envelope: first }] = items as readonly [Sendable];
  return { v: 2, id: first.id, tenant: first.tenant, queue: first.queue, jobs: items.map(({ envelope }) => jobOf(envelope)) };
}

function jobOf({ tenant: _tenant, queue: _queue, ...job }: Envelope): PackedJob {
  return job;
}

/** Bytes of a job within a message, or a little more. */
function bytesOf(envelope: Envelope): number {
  const { payload, id, type, tenant, queue, fp = "", parent = "", trace = "" } = envelope;
  // The payload is JSON already: within the message a character of it takes three bytes at most, an escaped quote two. Names and ids are ASCII.
  if (payload !== undefined && payload.length <= shortPayload) {
    return payload.length * 3 + id.length + type.length + tenant.length + queue.length + fp.length + parent.length + trace.length + otherFields;
  }
  return encoder.encode(JSON.stringify(envelope)).length;
}
