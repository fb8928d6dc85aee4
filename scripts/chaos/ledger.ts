import type { SeenRow } from "../../test/support/history/events.ts";
import type { World } from "./world.ts";

/** A job as the ledger has it at the end. */
export interface Row extends SeenRow {
  type: string;
  parent: string | null;
  reason: string | null;
  result: string | null;
  /** Of pictures; else null. */
  key: string | null;
}

/** All that the verdict needs of the database. */
export interface Ledger {
  rows: Map<string, Row>;
  /** Tenant and job of each analytics event. */
  analytics: Set<string>;
  /** Submissions by their id; leads. */
  submissions: Map<string, number>;
  leads: number;
  /** Side rows of jobs that have ended. */
  dangling: string[];
  /** Dead letters by job. */
  letters: Map<string, number>;
  /** Effects in doubt, by job. */
  uncertain: Set<string>;
  /** `webhook-id`s of which a run gave a call up before its answer, by its timeline. */
  givenUp: Set<string>;
  media: { tenant: string; key: string; altText: string | null; variants: number }[];
}

const page = 2000;

const givenUpSql = `
  SELECT DISTINCT coalesce(j.payload ->> '$.id', j.id) AS value FROM history h JOIN jobs j ON j.tenant = h.tenant AND j.id = h.job
  WHERE j.type = 'webhook' AND (h.detail LIKE '%timed out%' OR h.detail LIKE '%the run ended while the call was under way%')`;

export async function readLedger(world: World): Promise<Ledger> {
  const rows = new Map<string, Row>();
  for (let [tenant, id] = ["", ""]; ;) {
    const found = await world.rows<Row>(
      `SELECT tenant, id, type, state, seq, lease, until, runs, attempt, sent, ended, fp, parent, reason, substr(result, 1, 300) AS result, iif(type = 'image', payload ->> '$.key', NULL) AS key FROM jobs WHERE (tenant, id) > (?, ?) ORDER BY tenant, id LIMIT ${page}`,
      tenant,
      id,
    );
    for (const row of found) rows.set(row.id, row);
    const last = found.at(-1);
    if (!last || found.length < page) break;
    [tenant, id] = [last.tenant, last.id];
  }
  const column = async <T>(sql: string) => (await world.rows<{ value: T }>(sql)).map(({ value }) => value);
  const dangling = await column<string>(
    `SELECT s.side || ' of ' || s.id || ' (' || coalesce(j.type || ', ' || j.runs || ' runs', 'no row') || ')' AS value FROM (SELECT 'due' AS side, tenant, id FROM due UNION ALL SELECT 'parked at ' || gate, tenant, id FROM parked UNION ALL SELECT 'a lease', tenant, id FROM leases) s LEFT JOIN jobs j ON j.tenant = s.tenant AND j.id = s.id WHERE j.id IS NULL OR j.ended IS NOT NULL LIMIT 20`,
  );
  const letters = await world.rows<{ id: string; n: number }>("SELECT id, count(*) AS n FROM dead_letters GROUP BY 1");
  const submissions = await world.rows<{ id: string; n: number }>("SELECT id, count(*) AS n FROM lead_submissions GROUP BY 1");
  return {
    rows,
    analytics: new Set(await column<string>("SELECT job AS value FROM analytics_events")),
    submissions: new Map(submissions.map(({ id, n }) => [id, n])),
    leads: (await column<number>("SELECT count(*) AS value FROM leads"))[0] ?? 0,
    dangling,
    letters: new Map(letters.map(({ id, n }) => [id, n])),
    uncertain: new Set(await column<string>("SELECT job AS value FROM effects WHERE state IN ('intent', 'uncertain')")),
    givenUp: new Set(await column<string>(givenUpSql)),
    media: await world.rows(
      "SELECT m.tenant, m.key, m.alt_text AS altText, (SELECT count(*) FROM media_variants v WHERE v.tenant = m.tenant AND v.key = m.key) AS variants FROM media m",
    ),
  };
}
