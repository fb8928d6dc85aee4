import { minuteMs } from "../time/day";

/** How long a snapshot of D1 is cached. Milliseconds. */
export const freshMs = minuteMs;
const maxCached = 2_000;
/** How long an unknown name is cached (milliseconds), and how many, so that invented names do not cost a query each. */
const freshAbsentMs = 5_000;
const maxAbsent = 1_000;

interface Versioned {
  tenant: string;
  version: number;
}

interface Known<Snapshot> {
  state: "known";
  snapshot: Snapshot;
}

interface Entry<Snapshot> {
  snapshot: Snapshot;
  until: number;
}

/** The snapshots of one isolate, and the names that no tenant has. Each until a time in milliseconds; the oldest make room. */
export class SnapshotCache<Snapshot extends Versioned> {
  readonly #known = new Map<string, Entry<Snapshot>>();
  /** Until when a name counts as unknown. */
  readonly #absent = new Map<string, number>();

  /** What may still be answered without a read. */
  fresh(tenant: string, now: number): Known<Snapshot> | { state: "absent" } | undefined {
    const cached = this.#known.get(tenant);
    // `until` far ahead means that the clock was set back, so the entry is not used.
    if (cached && now < cached.until && cached.until <= now + freshMs) return { state: "known", snapshot: cached.snapshot };
    const until = this.#absent.get(tenant) ?? 0;
    return now < until && until <= now + freshAbsentMs ? { state: "absent" } : undefined;
  }

  /** The cached snapshot however old. */
  find(tenant: string): Snapshot | undefined {
    return this.#known.get(tenant)?.snapshot;
  }

  /** A read that began before a change does not overwrite the change. */
  keep(snapshot: Snapshot, until: number): Known<Snapshot> {
    const cached = this.#known.get(snapshot.tenant);
    if (cached && cached.snapshot.version > snapshot.version && cached.until >= until) return { state: "known", snapshot: cached.snapshot };
    putNewest(this.#known, snapshot.tenant, { snapshot, until }, maxCached);
    return { state: "known", snapshot };
  }

  keepAbsent(tenant: string, now: number): void {
    putNewest(this.#absent, tenant, now + freshAbsentMs, maxAbsent);
  }

  /** There is no snapshot of this name any more. */
  drop(tenant: string): void {
    this.#known.delete(tenant);
  }

  /** The next read asks D1. */
  forget(tenant: string): void {
    this.drop(tenant);
    this.#absent.delete(tenant);
  }
}

/** Puts it last and evicts the first of a full map: a Map keeps the order of insertion. */
function putNewest<Value>(map: Map<string, Value>, key: string, value: Value, maxEntries: number): void {
  map.delete(key);
  const oldest = map.size >= maxEntries ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
