import { minuteMs } from "../../time/day";

/** Bounds the concurrent uploads of an isolate: each has parts of its body in memory. */
export type Slots = ReturnType<typeof createSlots>;

export interface Slot {
  keep(): void;
  leave(): void;
}

interface SlotLimits {
  maxPerTenant: number;
  maxPerIsolate: number;
  /** Requests that wait for a slot, of one tenant and of all. */
  maxWaitingPerTenant: number;
  maxWaiting: number;
  maxWaitMs: number;
  maxSilenceMs: number;
}

/** Parts of 5 MB, two for each upload, beside one original of 20 MB in processing, in an isolate of 128 MB. */
export const uploadLimits: SlotLimits = {
  maxPerTenant: 4,
  maxPerIsolate: 8,
  maxWaitingPerTenant: 100,
  maxWaiting: 400,
  maxWaitMs: minuteMs,
  maxSilenceMs: minuteMs,
};

/** Milliseconds between two checks for a free slot. A waiting request that the platform ends stops checking. */
const lookEveryMs = 25;

interface Entry {
  tenant: string;
  until: number;
}

export function createSlots(limits: SlotLimits, now: () => number, pause = sleep) {
  const inFlight = new Set<Entry>();
  const waiting = new Set<Entry>();
  const fullness = (tenant: string) => {
    if (count(inFlight, now(), tenant) >= limits.maxPerTenant) return "tenant" as const;
    return count(inFlight, now()) >= limits.maxPerIsolate ? ("isolate" as const) : undefined;
  };
  const take = (tenant: string): Slot => {
    const entry = { tenant, until: now() + limits.maxSilenceMs };
    inFlight.add(entry);
    return { keep: () => void (entry.until = now() + limits.maxSilenceMs), leave: () => void inFlight.delete(entry) };
  };
  return {
    /**
     * Waits for a slot, at most `maxWaitMs`. Call `keep` during the upload and `leave` at its end. A slot without either
     * for `maxSilenceMs` becomes free: a request whose sender disconnects may end without an error.
     */
    async enter(tenant: string): Promise<Slot | { full: "tenant" | "isolate" }> {
      let full = fullness(tenant);
      if (full === undefined) return take(tenant);
      if (count(waiting, now(), tenant) >= limits.maxWaitingPerTenant) return { full: "tenant" };
      if (count(waiting, now()) >= limits.maxWaiting) return { full: "isolate" };
      const entry = { tenant, until: now() + limits.maxWaitMs };
      waiting.add(entry);
      try {
        while (full !== undefined && now() < entry.until) {
          await pause(lookEveryMs);
          full = fullness(tenant);
        }
      } finally {
        waiting.delete(entry);
      }
      return full === undefined ? take(tenant) : { full };
    },
  };
}

/** The chunks of an upload; each extends the slot. */
export async function* keptBy<Chunk>(slot: Slot, chunks: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
  for await (const chunk of chunks) {
    slot.keep();
    yield chunk;
  }
}

/** Counts entries of one tenant, or of all; drops expired ones. */
function count(entries: Set<Entry>, now: number, tenant?: string): number {
  for (const entry of entries) if (entry.until <= now) entries.delete(entry);
  return tenant === undefined ? entries.size : [...entries].filter((entry) => entry.tenant === tenant).length;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
