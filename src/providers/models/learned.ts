import type { Dialect } from "./dialect";

/** The request dialect that each endpoint accepts, as this isolate learned it. */
export interface Learned {
  get(endpoint: string, now: number): Dialect | undefined;
  set(endpoint: string, dialect: Dialect, now: number): void;
}

/** An endpoint may accept more after an update; trying again costs one refused call. Milliseconds. */
const maxAge = 3_600_000;

/** Remembers at most `maxEndpoints` (default 500) for an hour each; the oldest is dropped first. */
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
