import { dayMs } from "../time/day";
import { rowsOf, statement } from "../d1";
import { eventWalk, type Expiry, expireEvents, expireJobs, expireKeyedEvents, jobWalks, type Removed } from "./expired";
import { Metered } from "./metered";
import { type RetentionDays } from "./retention-days";
import { rotationMark } from "./watermarks";

export type { RetentionDays } from "./retention-days";

/** Default days; at least `minRetentionDays`. */
export const defaultRetention: RetentionDays = { done: 14, cancelled: 14, discarded: 90, dead: 90, analytics: 90 };

const counterDays = 35;
const logDays = 90;

/** Statements of one call; an invocation may run 1,000. A page that has begun is finished. */
const budget = 200;
/** Tenants looked up at once, and pages of each kind that one tenant may have removed before the next one follows. */
const groupSize = 25;
const maxPages = 10;

interface RetentionDeps {
  db: D1Database;
  /** One statement. Those that are missing in the answer have the default days. */
  daysOf(tenants: readonly string[]): Promise<ReadonlyMap<string, RetentionDays>>;
  removePayloads(keys: readonly string[]): Promise<void>;
}

/**
 * Removes ended jobs past their time, and their side rows; payloads in R2 go after their rows. Each call starts with the tenant that follows
 * the last one served, so that every tenant is served, however many there are and however much one has to remove.
 */
export async function retain(deps: RetentionDeps, now: number): Promise<{ removed: number; tenants: number }> {
  const metered = new Metered(deps.db, budget);
  const mark = rotationMark(deps.db, "retention");
  const sum = { removed: 0, tenants: 0 };
  let last = await mark.read();
  try {
    while (!metered.exhausted) {
      const group = await tenantsAfter(metered, last);
      for (const expiry of await expiries(metered, deps, group, now)) {
        last = expiry.tenant;
        sum.removed += await expireTenant(metered, deps, expiry);
        sum.tenants++;
        if (metered.exhausted) return sum;
      }
      if (group.length < groupSize) {
        last = "";
        return sum;
      }
    }
    return sum;
  } finally {
    // Also after a failure: the next call starts behind the tenant that failed.
    await mark.write(last);
  }
}

/** Tenants with rows that expire: one seek in each table for each of them. */
const nextOf = (after: string) => {
  const seeks = ["jobs", "counters", "audit", "replays", "bulk_actions", "analytics_events"].map(
    (table) => `coalesce((SELECT min(tenant) FROM ${table} WHERE tenant > ${after}), '~')`,
  );
  return `nullif(min(${seeks.join(", ")}), '~')`;
};
const nextTenants = `
  WITH RECURSIVE each(tenant, place) AS (
    SELECT ${nextOf("?1")}, 1 UNION ALL SELECT ${nextOf("each.tenant")}, place + 1 FROM each WHERE each.tenant IS NOT NULL AND place < ?2)
  SELECT tenant FROM each WHERE tenant IS NOT NULL`;

async function tenantsAfter(metered: Metered, last: string): Promise<string[]> {
  const results = await metered.run([statement(metered.db, nextTenants, last, groupSize)]);
  return rowsOf<{ tenant: string }>(results, 0).map(({ tenant }) => tenant);
}

const of = `tenant IN (SELECT value FROM json_each(?1))`;
const logs = [
  `DELETE FROM counters WHERE ${of} AND minute < ?2`,
  `DELETE FROM audit WHERE ${of} AND at < ?2`,
  `DELETE FROM replay_jobs WHERE ${of} AND (tenant, replay) IN (SELECT tenant, id FROM replays WHERE ${of} AND ended < ?2)`,
  `DELETE FROM replays WHERE ${of} AND ended < ?2`,
  `DELETE FROM bulk_actions WHERE ${of} AND ended < ?2`,
];
const marksOf = `SELECT tenant, walk, position FROM watermarks WHERE ${of} AND walk IN (SELECT value FROM json_each(?2))`;

/** Deletes the group's old log rows and reads what its tenants' removals need. */
async function expiries(metered: Metered, deps: RetentionDeps, group: readonly string[], now: number): Promise<Expiry[]> {
  if (group.length === 0) return [];
  const tenants = JSON.stringify(group);
  const [counters, ...others] = logs.map((sql, index) => statement(deps.db, sql, tenants, now - (index === 0 ? counterDays : logDays) * dayMs));
  metered.spent++;
  const days = await deps.daysOf(group);
  const walks = JSON.stringify([...jobWalks, eventWalk]);
  const results = await metered.run([statement(deps.db, marksOf, tenants, walks), ...(counters ? [counters, ...others] : [])]);
  const marks = Map.groupBy(rowsOf<{ tenant: string; walk: string; position: string }>(results, 0), ({ tenant }) => tenant);
  return group.map((tenant) => ({
    tenant,
    now,
    days: days.get(tenant) ?? defaultRetention,
    marks: new Map((marks.get(tenant) ?? []).map(({ walk, position }) => [walk, position])),
  }));
}

async function expireTenant(metered: Metered, { removePayloads }: RetentionDeps, expiry: Expiry): Promise<number> {
  const kinds: (() => Promise<Removed>)[] = [
    ...jobWalks.map((walk) => () => expireJobs(metered, walk, expiry)),
    () => expireEvents(metered, expiry),
    () => expireKeyedEvents(metered, expiry),
  ];
  let removed = 0;
  for (const nextPage of kinds) {
    for (let page = 0, more = true; more && page < maxPages; page++) {
      const gone = await nextPage();
      await removePayloads(gone.refs);
      removed += gone.count;
      more = gone.more && !metered.exhausted;
    }
  }
  return removed;
}
