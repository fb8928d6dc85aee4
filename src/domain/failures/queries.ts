import { statement } from "../../d1";
import { type FailingNow, failingNow } from "../../ledger/failures";
import { titleOf } from "../../ledger/failure-kind";
import { lettersInDoubt } from "../../ledger/review";
import type { FailureDetail, FailureFilter, FailureGroup, FailureView } from "./model";
import { hourMs } from "../../time/day";

/** Tenants of one list whose failing jobs are counted: those that failed last. */
const maxTenants = 20;

/** ?1 tenant or null, ?2 from, ?3 to, ?4 status or null, ?5 type or null, ?6 and ?7 cursor, ?8 limit. Groups are few: a tenant's, or all, are read whole. */
const columns = "*, (SELECT name FROM tokens t WHERE t.tenant = failure_groups.tenant AND t.id = failure_groups.actor) AS actor_name";
const listSql = `
  SELECT ${columns} FROM failure_groups WHERE (?1 IS NULL OR tenant = ?1) AND last_at >= ?2 AND first_at < ?3 AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR type = ?5)
    AND (last_at, grp) < (?6, ?7) ORDER BY last_at DESC, grp DESC LIMIT ?8`;

interface FailurePage {
  failures: FailureView[];
  cursor: string | null;
}

/** The newest failure first. Tenant null: all tenants. `deployedAt`: groups that failed first after it are new. */
export async function listFailures(
  db: D1Database,
  tenant: string | null,
  filter: FailureFilter,
  { cursor, limit, deployedAt, now }: { cursor?: string | undefined; limit: number; deployedAt: number | null; now: number },
): Promise<FailurePage> {
  const [, at = Number.MAX_SAFE_INTEGER, below = "~"] = /^(\d{1,15})\.([0-9a-z]{16})$/.exec(cursor ?? "") ?? [];
  const { from = 0, to = Number.MAX_SAFE_INTEGER, status = null, type = null } = filter;
  const values = [tenant, from, to, status, type, Number(at), below, limit + 1];
  const { results } = await statement(db, listSql, ...values).all<Row>();
  const groups = results.slice(0, limit).map((row) => groupFrom(row, now));
  const tenants = [...new Set(groups.map((group) => group.tenant))].slice(0, maxTenants);
  const failing = (await Promise.all(tenants.map((each) => failingNow(db, each)))).flat();
  const last = groups.at(-1);
  return {
    failures: groups.map((group) => failureView(group, failing, deployedAt)),
    cursor: last && results.length > limit ? `${last.lastAt}.${last.group}` : null,
  };
}

export async function failure(db: D1Database, tenant: string, group: string, deployedAt: number | null, now: number): Promise<FailureDetail | null> {
  const row = await db.prepare(`SELECT ${columns} FROM failure_groups WHERE tenant = ? AND grp = ?`).bind(tenant, group).first<Row>();
  if (!row) return null;
  const [failing, inDoubt] = await Promise.all([failingNow(db, tenant), lettersInDoubt(db, tenant, group)]);
  const { examples = [], sites = [] } = failing.find((each) => each.group === group) ?? {};
  return { ...failureView(groupFrom(row, now), failing, deployedAt), inDoubt, examples, sites };
}

/** Those of the groups that an operator has resolved or ignores. */
export async function settledGroups<Group extends { tenant: string; group: string }>(db: D1Database, groups: readonly Group[]): Promise<Group[]> {
  if (groups.length === 0) return [];
  const sql =
    "SELECT f.tenant, f.grp FROM json_each(?1) e CROSS JOIN failure_groups f ON f.tenant = e.value->>0 AND f.grp = e.value->>1 WHERE f.status <> 'open'";
  const { results } = await statement(db, sql, JSON.stringify(groups.map(({ tenant, group }) => [tenant, group]))).all<{ tenant: string; grp: string }>();
  return groups.filter(({ tenant, group }) => results.some((row) => row.tenant === tenant && row.grp === group));
}

function failureView(group: FailureGroup, failing: readonly FailingNow[], deployedAt: number | null): FailureView {
  const { retrying = 0, dead = 0, reason = null } = failing.find((each) => each.tenant === group.tenant && each.group === group.group) ?? {};
  // A group from before groups had titles.
  const title = group.title === "" ? titleOf(reason ?? "") : group.title;
  return { ...group, title, reason, retrying, dead, isNew: deployedAt !== null && group.firstAt >= deployedAt };
}

interface Row extends Pick<FailureGroup, "tenant" | "type" | "title" | "total" | "status" | "note" | "actor"> {
  grp: string;
  first_at: number;
  last_at: number;
  hours: string;
  until_count: number | null;
  since_count: number;
  actor_name: string | null;
  status_at: number | null;
}

function groupFrom(row: Row, now: number): FailureGroup {
  const { tenant, grp: group, type, title, total, status, note, actor } = row;
  const { first_at: firstAt, last_at: lastAt, until_count: untilCount, since_count: sinceCount, actor_name: actorName, status_at: statusAt } = row;
  const trend = trendOf(row.hours, now);
  return { tenant, group, type, title, firstAt, lastAt, total, trend, status, untilCount, sinceCount, note, actor, actorName, statusAt };
}

/** Each hour of the day has a slot, which may contain the count of an earlier day. */
function trendOf(hours: string, now: number): number[] {
  const places = JSON.parse(hours) as Record<string, [number, number]>;
  const newest = Math.floor(now / hourMs);
  return Array.from({ length: 24 }, (_, index) => {
    const hour = newest - 23 + index;
    const [of, count] = places[`h${hour % 24}`] ?? [0, 0];
    return of === hour ? count : 0;
  });
}
