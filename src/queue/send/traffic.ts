import { cut, itemsOf, sendChunk } from "./chunk";
import type { Engine } from "../engine";
import { GroupCommit } from "../../group-commit";
import type { Traffic } from "../memory";
import type { Chunk } from "./pack";

/** From so many sends to a queue in flight on, further ones travel together. */
export const minInFlight = 8;
/** What travels together in one call. */
const maxJobs = 50;
const maxBytes = 64_000;
/** A send that has no answer after this was led by a request that has ended; it does not count any more. Milliseconds. */
const maxFlightMs = 10_000;

/**
 * Sends a chunk: at once, or, when many are in flight to its queue, together with those of other callers. A group that the queue refuses is sent
 * again one by one, so that each caller gets the answer for its own jobs. False: the queue did not take it, or did not answer in time. Never throws.
 */
export async function sendInTraffic(engine: Engine, chunk: Chunk): Promise<boolean> {
  const traffic = trafficOf(engine, chunk.queue);
  const isSmall = chunk.jobs <= maxJobs && chunk.bytes <= maxBytes;
  const flight = { at: engine.now() };
  const together = isSmall && isDense(traffic, flight.at);
  traffic.inFlight.add(flight);
  try {
    return await (together ? sendTogether(engine, traffic, chunk) : sendChunk(engine, chunk));
  } finally {
    traffic.inFlight.delete(flight);
  }
}

function trafficOf(engine: Engine, queue: string): Traffic {
  const known = engine.memory.traffic.get(queue);
  if (known) return known;
  const group = new GroupCommit<Chunk, boolean>((chunks) => sendGroups(engine, chunks), engine.defer, { maxItems: maxJobs });
  const traffic = { inFlight: new Set<{ at: number }>(), group };
  engine.memory.traffic.set(queue, traffic);
  return traffic;
}

function isDense({ inFlight }: Traffic, now: number): boolean {
  // The oldest stands first.
  for (const flight of inFlight) {
    if (now - flight.at <= maxFlightMs) break;
    inFlight.delete(flight);
  }
  return inFlight.size >= minInFlight;
}

async function sendTogether(engine: Engine, { group }: Traffic, chunk: Chunk): Promise<boolean> {
  try {
    const [isTaken = false] = await group.add([chunk]);
    return isTaken;
  } catch {
    // It may arrive all the same; a copy of the same job is stale then.
    const reason = `the queue did not answer for ${chunk.jobs} jobs in time; the tick sends those that the ledger holds`;
    engine.emit({ event: "trouble", where: "send", reason, queue: chunk.queue });
    return false;
  }
}

/** One answer per chunk, in their order. */
async function sendGroups(engine: Engine, chunks: readonly Chunk[]): Promise<boolean[]> {
  const taken: boolean[] = [];
  for (const group of grouped(chunks)) taken.push(...(await sendGroup(engine, group)));
  return taken;
}

async function sendGroup(engine: Engine, group: readonly Chunk[]): Promise<boolean[]> {
  const joined = cut(engine, group.flatMap(itemsOf));
  const [whole] = joined;
  if (group.length > 1 && joined.length === 1 && whole && (await sendChunk(engine, whole))) return group.map(() => true);
  return Promise.all(group.map((chunk) => sendChunk(engine, chunk)));
}

/** Chunks of one queue, as many as fit one call. */
function grouped(chunks: readonly Chunk[]): Chunk[][] {
  const groups: Chunk[][] = [];
  let [jobs, bytes] = [Infinity, Infinity];
  for (const chunk of chunks) {
    if (jobs + chunk.jobs > maxJobs || bytes + chunk.bytes > maxBytes) {
      groups.push([]);
      [jobs, bytes] = [0, 0];
    }
    groups.at(-1)?.push(chunk);
    jobs += chunk.jobs;
    bytes += chunk.bytes;
  }
  return groups;
}
