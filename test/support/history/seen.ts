import type { Ref, RunEnd, SeenRow } from "./events.ts";

/** What the checker remembers of a job. */
export interface Job {
  tenant: string;
  accepted: boolean;
  /** An operator asked for one more run. */
  broughtBack: boolean;
  row: SeenRow | undefined;
  /** The isolate that recorded the newest generation. */
  raisedBy: number | null;
  /** Since it was accepted or brought back. */
  claims: number;
  started: number;
  /** The key of each effect that reached the provider. */
  keys: Map<string, string>;
}

/** What the checker remembers of a history. Names of several parts are joined by spaces. */
export interface Seen {
  jobs: Map<string, Job>;
  messages: Map<string, { isolate: number; jobs: readonly (Ref & { fp: string | null })[] }>;
  /** The newest generation that an isolate was handed, by isolate and id. */
  handed: Map<string, number>;
  /** The queue and generation that an isolate was handed, by isolate and id. */
  handedFrom: Map<string, Map<number, string>>;
  /** Isolate and id of what an isolate sent on to another queue as it was handed it. */
  forwarded: Set<string>;
  /** The isolate that each lease was given to. */
  tokens: Map<string, number>;
  /** Queue, id and generation; isolate, id and generation; id and generation. */
  sent: Set<string>;
  sentBy: Set<string>;
  generations: Set<string>;
  refused: Set<string>;
  running: { id: string; tenant: string; isolate: number; gates: readonly string[]; until: number }[];
  /** By isolate and id: how the run ended, and the state that was recorded for it. */
  ends: Map<string, RunEnd>;
  recorded: Map<string, string>;
  dead: Set<number>;
}

export function createSeen(): Seen {
  const maps = { jobs: new Map(), messages: new Map(), handed: new Map(), handedFrom: new Map(), tokens: new Map(), ends: new Map(), recorded: new Map() };
  const sets = {
    forwarded: new Set<string>(),
    sent: new Set<string>(),
    sentBy: new Set<string>(),
    generations: new Set<string>(),
    refused: new Set<string>(),
    dead: new Set<number>(),
  };
  return { ...maps, ...sets, running: [] };
}

/** The job, known by its id from now on. */
export function jobOf(seen: Seen, { tenant, id }: { tenant: string; id: string }): Job {
  const known = seen.jobs.get(id);
  if (known) return known;
  const job: Job = { tenant, accepted: false, broughtBack: false, row: undefined, raisedBy: null, claims: 0, started: 0, keys: new Map() };
  seen.jobs.set(id, job);
  return job;
}
