import { runningByTenantSql, statement } from "../../d1";
import { namedBy, notResumed, type Progress, type Replay, type ReplayRequest, type Resumption, stoppedByOperator } from "./model";
import { requestFromStored } from "./stored-request";

interface Row extends Pick<
  Replay,
  "tenant" | "id" | "total" | "failed" | "open" | "succeeded" | "cancelled" | "reason" | "looked" | "cursor" | "at" | "actor"
> {
  state: Replay["state"] | "aborted";
  request: string;
  done: number;
  failed_again: number;
  examples: string;
  ended: number | null;
  /** Undefined where it was not asked for. */
  actor_name?: string | null;
  /** 0: as fast as they can; null: as the request has it. */
  rate: number | null;
  rest: number | null;
  rest_at: number | null;
  resumed: string | null;
  resumed_by_name?: string | null;
}

/** What the token of an actor is called, for a query of `replays`. `actor` is an expression, never input. */
export const actorNameSql = (actor: string) => `(SELECT name FROM tokens t WHERE t.tenant = replays.tenant AND t.id = ${actor})`;
const columns = `*, ${actorNameSql("replays.actor")} AS actor_name, ${actorNameSql("replays.resumed ->> '$.actor'")} AS resumed_by_name`;

/**
 * ?1 and ?2 the place of the replay before, ?3 rows. Replays are few and kept for as long as their dead letters. The page is chosen first: requests are
 * long, and a sort would carry them all.
 */
const listSql = (whose: string) => `
  SELECT ${columns} FROM replays WHERE (tenant, id) IN
    (SELECT r.tenant, r.id FROM replays r WHERE ${whose} (r.at, r.id) < (?1, ?2) ORDER BY r.at DESC, r.id DESC LIMIT ?3) ORDER BY at DESC, id DESC`;

export function createReplayQueries(db: D1Database) {
  return {
    async get(tenant: string, id: string): Promise<Replay | null> {
      const row = await db.prepare(`SELECT ${columns} FROM replays WHERE tenant = ? AND id = ?`).bind(tenant, id).first<Row>();
      return row && replayFrom(row);
    },
    /** Newest first; null: of all tenants. */
    async list(
      tenant: string | null,
      { cursor, limit }: { cursor?: string | undefined; limit: number },
    ): Promise<{ replays: Replay[]; cursor: string | null }> {
      const [, at = Number.MAX_SAFE_INTEGER, id = "~"] = /^(\d{1,15})\.(.+)$/.exec(cursor ?? "") ?? [];
      const place = [Number(at), id, limit + 1];
      const found = await rows(tenant === null ? db.prepare(listSql("")).bind(...place) : db.prepare(listSql("r.tenant = ?4 AND")).bind(...place, tenant));
      const replays = found.slice(0, limit);
      const last = replays.at(-1);
      return { replays, cursor: last && found.length > limit ? `${last.at}.${last.id}` : null };
    },
    /** Those that were asked for a group of dead letters, newest first. */
    ofGroup: (tenant: string, group: string, limit: number): Promise<Replay[]> =>
      rows(
        db
          .prepare(`SELECT ${columns} FROM replays WHERE tenant = ? AND request ->> '$.filter.group' = ? ORDER BY at DESC, id LIMIT ?`)
          .bind(tenant, group, limit),
      ),
    /** Those of the tenant that are under way, newest first. */
    runningOf: (tenant: string, limit: number): Promise<Replay[]> =>
      rows(statement(db, `SELECT ${columns} FROM replays WHERE tenant = ? AND state = 'running' ORDER BY at DESC, id LIMIT ?`, tenant, limit)),
    /** Those still under way: each tenant's oldest, tenants after `lastServed` first, then each one's second, and so on. */
    // Replays are few: the table is read whole.
    running: (limit: number, lastServed: string): Promise<Replay[]> => rows(db.prepare(runningByTenantSql("replays")).bind(limit, lastServed)),
  };
}

async function rows(query: D1PreparedStatement): Promise<Replay[]> {
  return (await query.all<Row>()).results.map(replayFrom);
}

function replayFrom(row: Row): Replay {
  const { tenant, id, total, open, succeeded, cancelled, failed, looked, cursor, at, actor } = row;
  const request = requestFromStored(JSON.parse(row.request) as ReplayRequest);
  // As the first version called it.
  const [state, reason] = row.state === "aborted" ? (["stopped", stoppedByOperator] as const) : [row.state, row.reason];
  return {
    tenant,
    id,
    state,
    reason,
    request,
    total,
    sent: row.done,
    succeeded,
    failedAgain: row.failed_again,
    cancelled,
    open,
    failed,
    // One that began before there were canaries has none.
    canary: request.canary ?? 0,
    examples: JSON.parse(row.examples) as string[],
    looked,
    cursor,
    rest: row.rest === null || row.rest_at === null ? null : { unsent: row.rest, at: row.rest_at },
    at,
    endedAt: row.ended,
    ratePerMinute: row.rate === null ? (request.ratePerMinute ?? null) : row.rate || null,
    ...namedBy(request),
    actor,
    actorName: row.actor_name ?? null,
    ...resumptionFrom(row),
  };
}

/** One that was resumed before `at` was recorded has the counts alone. */
function resumptionFrom({ resumed, resumed_by_name: actorName = null }: Row): Pick<Replay, "before" | "resumed"> {
  if (resumed === null) return { before: notResumed, resumed: null };
  const { sent, succeeded, failedAgain, ...last } = JSON.parse(resumed) as Progress & Partial<Resumption>;
  const { at, actor = null, reason = null, stoppedAt = null } = last;
  return { before: { sent, succeeded, failedAgain }, resumed: at === undefined ? null : { at, actor, actorName, reason, stoppedAt } };
}
