import type { Dialect } from "./dialect";

/** What endpoints turned out to take, kept in this isolate. */
export interface Learned {
  get(endpoint: string, now: number): Dialect | undefined;
  set(endpoint: string, dialect: Dialect, now: number): void;
}

/** An endpoint may come to take more; asking it again costs one refused call. Milliseconds. */
const maxAge = 3_600_000;

/** At most `maxEndpoints` (default 500), the oldest goes first; an hour each. */
export function createLearned(maxEndpoints = 500): Learned {
  const kept = new Map<string, { dialect: Dialect; since: number }>();
  return {
    get: (endpoint, now) => {
      const found = kept.get(endpoint);
      return found && now - found.since < maxAge ? found.dialect : undefined;
    },
    set: (endpoint, dialect, now) => {
      kept.delete(endpoint);
      kept.set(endpoint, { dialect, since: now });
      for (const oldest of kept.keys()) if (kept.size > maxEndpoints) kept.delete(oldest);
    },
  };
}
