import type { Dialect } from "./dialect";
import { hourMs } from "../../time/day";

/** The dialect that each endpoint accepted, per isolate. */
export type Learned = ReturnType<typeof createLearned>;

/** An endpoint may accept more after an update; another try costs one refused call. */
const maxAgeMs = hourMs;

/** Caches at most `maxEndpoints` (default 500) for one hour each; evicts the oldest first. */
export function createLearned(maxEndpoints = 500) {
  const kept = new Map<string, { dialect: Dialect; since: number }>();
  return {
    get: (endpoint: string, now: number): Dialect | undefined => {
      const learned = kept.get(endpoint);
      return learned && now - learned.since < maxAgeMs ? learned.dialect : undefined;
    },
    set: (endpoint: string, dialect: Dialect, now: number): void => {
      kept.delete(endpoint);
      kept.set(endpoint, { dialect, since: now });
      for (const oldest of kept.keys()) if (kept.size > maxEndpoints) kept.delete(oldest);
    },
  };
}
