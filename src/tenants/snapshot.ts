import { logWarning } from "../trace";
import { messageOf } from "../errors";
import { freshMs, SnapshotCache } from "./snapshot-cache";
import type { Tenant, TenantSettings } from "./tenant";
import { withTimeLimit } from "./time-limit";

/** The data of a tenant that intake needs while D1 is down. Secrets are sealed. */
export interface Snapshot extends Pick<Tenant, "tenant" | "name" | "timezone" | "settings"> {
  /** Version of this shape. */
  v: 1;
  /** Ids of revoked tokens. */
  revoked: readonly string[];
  /** Version of the tenant's row; the higher one is the newer snapshot. */
  version: number;
  /** Data of other modules, each under its own name; a snapshot written before a section existed lacks it. */
  sections: Partial<SnapshotSections>;
}

/** Empty here: a module that needs data at intake adds its type by declaration merging and hands in a `Section`. */
export interface SnapshotSections {}

/** A part of the snapshot. A change of its rows must raise the version in the same batch, and call `changed(tenant)`. */
export interface Section<Name extends keyof SnapshotSections> {
  name: Name;
  /** Reads the tenant's rows; part of the one batch that reads the snapshot. */
  read(db: D1Database, tenant: string): D1PreparedStatement;
  shape(rows: readonly Record<string, unknown>[]): SnapshotSections[Name];
}

type AnySection = { [Name in keyof SnapshotSections]: Section<Name> }[keyof SnapshotSections];

/** `unknown`: neither D1 nor KV could be reached; answer 503, not 401. */
export type SnapshotLookup = { state: "known"; snapshot: Snapshot } | { state: "absent" } | { state: "unknown" };

export interface Snapshots {
  /**
   * Never throws. Reads in this order: this isolate's cache of at most 60 s, D1 with a short time limit, KV, the cache however old.
   * D1 comes before KV because KV itself may lag by a minute or more: so a revoked token is refused everywhere within 60 s.
   * KV is read only while D1 is down, when no token can be revoked either; it may lack the changes of the minute before.
   */
  read(tenant: string, now: number): Promise<SnapshotLookup>;
  /** Call it after a change: this isolate reads the change at once, and KV is written. Never throws; `republish` repeats what failed. */
  changed(tenant: string): Promise<void>;
  /** For the tick: writes the snapshots that KV does not have yet, of all tenants. Throws when D1 or KV fails. */
  republish(limit: number): Promise<number>;
}

interface SnapshotOptions {
  db: D1Database;
  kv: KVNamespace;
  sections?: readonly AnySection[];
  /** Time limit of a read from D1, and from KV. Milliseconds, default 1000. */
  timeLimit?: number;
  /** Milliseconds of the Worker's clock. */
  clock?: () => number;
  /** Called with failures, without secrets. */
  report?: (event: string, details: Record<string, string>) => void;
}

/** A snapshot from KV is cached for less time, so that D1 is read again soon after it came back. */
const freshFromKvMs = 10_000;

export function createSnapshots(options: SnapshotOptions): Snapshots {
  const { db, kv, sections = [], timeLimit = 1000, clock = Date.now, report = logWarning } = options;
  const cache = new SnapshotCache<Snapshot>();
  let changes = 0;

  const read = async (tenant: string, now: number): Promise<SnapshotLookup> => {
    const cached = cache.fresh(tenant, now);
    if (cached) return cached;
    const [before, former] = [changes, cache.find(tenant)];
    try {
      const snapshot = await withTimeLimit(timeLimit, "D1", readD1(db, tenant, sections));
      if (snapshot) return cache.keep(snapshot, now + freshMs);
      cache.drop(tenant);
      // A tenant created during this read must not be absent for its creator.
      if (before === changes) cache.keepAbsent(tenant, now);
      return { state: "absent" };
    } catch (thrown) {
      report("snapshot.d1-unavailable", { tenant, error: messageOf(thrown) });
      return readWithoutD1(tenant, now, former);
    }
  };

  const readWithoutD1 = async (tenant: string, now: number, former: Snapshot | undefined): Promise<SnapshotLookup> => {
    const stored = await withTimeLimit(timeLimit, "KV", kv.get<Snapshot>(kvKey(tenant), "json")).catch((thrown: unknown) => {
      report("snapshot.kv-unavailable", { tenant, error: messageOf(thrown) });
      return null;
    });
    const newest = stored && stored.v === 1 && stored.version >= (former?.version ?? 0) ? stored : former;
    // KV may lag: only D1 decides that a tenant does not exist.
    return newest ? cache.keep(newest, now + freshFromKvMs) : { state: "unknown" };
  };

  const changed = async (tenant: string): Promise<void> => {
    cache.forget(tenant);
    changes++;
    try {
      const snapshot = await withTimeLimit(5 * timeLimit, "Publishing", publish(db, kv, tenant, sections));
      if (snapshot) cache.keep(snapshot, clock() + freshMs);
    } catch (thrown) {
      report("snapshot.unpublished", { tenant, error: messageOf(thrown) });
    }
  };

  const republish = async (limit: number): Promise<number> => {
    const { results } = await db.prepare(unpublishedSql).bind(limit).all<{ tenant: string }>();
    for (const { tenant } of results) await publish(db, kv, tenant, sections);
    return results.length;
  };

  return { read, changed, republish };
}

/** Uses the index of tenants whose snapshot is behind. */
export const unpublishedSql = "SELECT tenant FROM tenants WHERE published <> version ORDER BY tenant LIMIT ?1";

const tenantSql = "SELECT tenant, name, timezone, settings, version FROM tenants WHERE tenant = ?1";
const revokedSql = "SELECT id FROM tokens WHERE tenant = ?1 AND revoked IS NOT NULL ORDER BY id";

/**
 * Writes until KV has D1's version. When two isolates publish at once, the one that wrote last reads D1 afterwards and writes again if its
 * version was the older one.
 */
async function publish(db: D1Database, kv: KVNamespace, tenant: string, sections: readonly AnySection[]): Promise<Snapshot | null> {
  for (let round = 0; ; round++) {
    const snapshot = await readD1(db, tenant, sections);
    if (!snapshot) return null;
    await kv.put(kvKey(tenant), JSON.stringify(snapshot));
    const mark = "UPDATE tenants SET published = ?2 WHERE tenant = ?1 RETURNING version = ?2 AS current";
    const row = await db.prepare(mark).bind(tenant, snapshot.version).first<{ current: number }>();
    if (row?.current === 1 || round === 2) return snapshot;
  }
}

/** One round trip; null when there is no such tenant. */
async function readD1(db: D1Database, tenant: string, sections: readonly AnySection[]): Promise<Snapshot | null> {
  const statements = [db.prepare(tenantSql).bind(tenant), db.prepare(revokedSql).bind(tenant), ...sections.map((section) => section.read(db, tenant))];
  const [own, revoked, ...others] = (await db.batch<Record<string, unknown>>(statements)).map(({ results }) => results);
  const row = own?.[0] as { tenant: string; name: string; timezone: string; settings: string; version: number } | undefined;
  if (!row) return null;
  const shaped = sections.map((section, index) => [section.name, section.shape(others[index] ?? [])]);
  return {
    v: 1,
    tenant: row.tenant,
    name: row.name,
    timezone: row.timezone,
    settings: JSON.parse(row.settings) as TenantSettings,
    revoked: (revoked ?? []).map((each) => String(each["id"])),
    version: row.version,
    sections: Object.fromEntries(shaped) as Partial<SnapshotSections>,
  };
}

function kvKey(tenant: string): string {
  return `tenant/${tenant}`;
}
