import type { Transition } from "../queue/ports/run-ledger";
import { lists, rowsOf, batch, statement } from "../d1";
import { failureKind, titleOf } from "./failure-kind";
import { hourMs } from "../time/day";

/** Dead letters of a tenant that are counted, newest first, and its retrying jobs. */
const [maxLetters, maxRetrying, maxReasons] = [10_000, 20_000, 2000];

/** A resolved group opens again when it fails, an ignored one when it has failed as often as its setting allows. ?2 now, ?3 the hour, ?4 its place in a day. */
const raise = `
  ON CONFLICT DO UPDATE SET title = excluded.title, last_at = max(failure_groups.last_at, excluded.last_at), total = failure_groups.total + excluded.total,
    since_count = failure_groups.since_count + excluded.total,
    status = iif(failure_groups.status = 'resolved' OR (failure_groups.status = 'ignored' AND failure_groups.since_count + excluded.total >= failure_groups.until_count),
      'open', failure_groups.status),
    hours = json_set(failure_groups.hours, '$.' || ?4,
      json_array(?3, excluded.total + iif(failure_groups.hours ->> ('$.' || ?4 || '[0]') = ?3, failure_groups.hours ->> ('$.' || ?4 || '[1]'), 0)))`;
const insert = `INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours)
  SELECT tenant, kind, min(type), max(title), ?2, ?2, count(*), json_object(?4, json_array(?3, count(*)))`;
const items = `SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS kind, value->>3 AS type, value->>4 AS title FROM json_each(?1)`;

/** Goes before the statement that records the transition: a repeat after a lost answer finds the job settled and counts nothing. ?5 token. */
const noteFailed = `${insert}
  FROM (SELECT s.* FROM (${items}) s JOIN jobs j ON j.tenant = s.tenant AND j.id = s.id WHERE j.lease = ?5 AND j.state = 'running' AND j.cancel = 0)
  GROUP BY kind, tenant ${raise}`;

/** Goes before the statement that writes the job's row: a repeat finds the row and counts nothing. */
const noteBuried = `${insert}
  FROM (SELECT s.* FROM (${items}) s LEFT JOIN jobs j ON j.tenant = s.tenant AND j.id = s.id WHERE j.id IS NULL)
  GROUP BY kind, tenant ${raise}`;

/** A job that failed, or a try of it. */
type Failed = Pick<Transition, "tenant" | "id" | "type" | "reason">;

/** Statements that count failures in their groups; with a token only those of runs that still hold their job. */
export async function failureStatements(db: D1Database, failed: readonly Failed[], now: number, token: string | null): Promise<D1PreparedStatement[]> {
  const hour = Math.floor(now / hourMs);
  const rows = await Promise.all(
    failed.map(async ({ tenant, id, type, reason }) => [tenant, id, await failureKind(type, reason ?? ""), type, titleOf(reason ?? "")]),
  );
  const bound = (list: string) => [list, now, hour, `h${hour % 24}`] as const;
  return lists(rows).map((list) => (token === null ? statement(db, noteBuried, ...bound(list)) : statement(db, noteFailed, ...bound(list), token)));
}

/** The retrying and dead jobs of one failure group of a tenant. */
export interface FailingNow {
  tenant: string;
  group: string;
  /** Waiting for another try, and dead letters. */
  retrying: number;
  dead: number;
  /** The newest reason, unshortened. */
  reason: string;
  /** A few ids, dead ones first. */
  examples: string[];
  /** Their shops, those with the most jobs first. */
  sites: { siteId: string; count: number }[];
}

/** ?1 tenant. */
const lettersOf = `
  SELECT kind, site, reason, id FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ${maxLetters}`;
const retryingOf = `
  SELECT j.type, j.site, j.reason, count(*) AS count, min(j.id) AS id FROM (SELECT id FROM due WHERE tenant = ?1 LIMIT ${maxRetrying}) d
  CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = d.id WHERE j.state = 'retrying' GROUP BY j.type, j.site, j.reason ORDER BY count DESC LIMIT ${maxReasons}`;

const maxExamples = 10;

/** Groups of one tenant that have retrying or dead jobs now. */
export async function failingNow(db: D1Database, tenant: string): Promise<FailingNow[]> {
  const results = await batch(
    db,
    [lettersOf, retryingOf].map((sql) => statement(db, sql, tenant)),
  );
  const dead = rowsOf<{ kind: string; site: string | null; reason: string; id: string }>(results, 0);
  const retrying = rowsOf<{ type: string; site: string | null; reason: string | null; count: number; id: string }>(results, 1);
  const kinds = await Promise.all(retrying.map(({ type, reason }) => failureKind(type, reason ?? "")));
  const all = [
    ...dead.map(({ kind, ...row }) => ({ ...row, kind, isDead: true, count: 1 })),
    ...retrying.map((row, index) => ({ ...row, kind: kinds[index] ?? "", reason: row.reason ?? "", isDead: false })),
  ];
  return [...Map.groupBy(all, ({ kind }) => kind)].map(([group, rows]) => {
    const sum = (isDead: boolean) => rows.reduce((total, row) => total + (row.isDead === isDead ? row.count : 0), 0);
    return {
      tenant,
      group,
      retrying: sum(false),
      dead: sum(true),
      reason: rows[0]?.reason ?? "",
      examples: rows.slice(0, maxExamples).map(({ id }) => id),
      sites: sitesOf(rows),
    };
  });
}

function sitesOf(rows: readonly { site: string | null; count: number }[]): FailingNow["sites"] {
  const counts = new Map<string, number>();
  for (const { site, count } of rows) if (site !== null) counts.set(site, (counts.get(site) ?? 0) + count);
  return [...counts]
    .toSorted((left, right) => right[1] - left[1])
    .slice(0, maxExamples)
    .map(([siteId, count]) => ({ siteId, count }));
}
