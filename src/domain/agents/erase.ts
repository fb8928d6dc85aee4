import { statement } from "../../d1";
import type { Texts } from "./rows";

/** Records of one page of a walk. */
const pageSize = 200;

/** Concurrent list calls to R2. */
const listsAtOnce = 6;

/** Deletes all records of these runs, and the R2 objects that a killed run left behind. Their cost stays counted. */
export async function removeRuns(db: D1Database, texts: Pick<Texts, "removeAll">, tenant: string, jobs: readonly string[]): Promise<void> {
  if (jobs.length === 0) return;
  const list = JSON.stringify(jobs);
  const ofThese = "tenant = ?1 AND job IN (SELECT value FROM json_each(?2))";
  const { results } = await db.prepare(`SELECT job FROM agent_runs WHERE ${ofThese}`).bind(tenant, list).all<{ job: string }>();
  // The rows are deleted last: after a failure they are how the objects are found.
  for (let from = 0; from < results.length; from += listsAtOnce)
    await Promise.all(results.slice(from, from + listsAtOnce).map(({ job }) => texts.removeAll(tenant, job)));
  await db.batch(["agent_steps", "agent_proposals", "agent_runs"].map((table) => db.prepare(`DELETE FROM ${table} WHERE ${ofThese}`).bind(tenant, list)));
}

interface NextMentions {
  /** Jobs whose runs name the person. */
  jobs: string[];
  looked: number;
  /** The walk continues after this job; null: it is complete. */
  last: string | null;
}

/** The next page of a walk over all runs by job: runs with a record or a proposal that names the person. */
export async function nextMentions(
  db: D1Database,
  texts: Pick<Texts, "get">,
  tenant: string,
  after: string,
  names: (text: string) => boolean,
): Promise<NextMentions> {
  const runSql = "SELECT job FROM agent_runs WHERE tenant = ?1 AND job > ?2 ORDER BY job LIMIT 50";
  const { results } = await statement(db, runSql, tenant, after).all<{ job: string }>();
  const runs = results.map(({ job }) => job);
  const list = JSON.stringify(runs);
  const naming = new Set<string>();
  let looked = runs.length;
  for (let from: [string, number, number, number] = ["", -1, -1, -1], more = runs.length > 0; more;) {
    const page = await statement(db, recordsSql, tenant, list, ...from).all<RecordRow>();
    for (const { job, body, ref } of page.results) if (!naming.has(job) && names((ref === null ? body : await texts.get(ref)) ?? "")) naming.add(job);
    looked += page.results.length;
    more = page.results.length === pageSize;
    const end = page.results.at(-1);
    if (end) from = [end.job, end.revision, end.step, end.place];
  }
  const proposalSql = "SELECT job, body FROM agent_proposals WHERE tenant = ?1 AND job IN (SELECT value FROM json_each(?2))";
  const proposals = await statement(db, proposalSql, tenant, list).all<{ job: string; body: string }>();
  for (const { job, body } of proposals.results) if (names(body)) naming.add(job);
  return { jobs: [...naming], looked, last: runs.length === 50 ? (runs.at(-1) ?? null) : null };
}

interface RecordRow {
  job: string;
  revision: number;
  step: number;
  place: number;
  body: string | null;
  ref: string | null;
}

const recordsSql = `
  SELECT job, revision, step, place, body, ref FROM agent_steps
  WHERE tenant = ?1 AND job IN (SELECT value FROM json_each(?2)) AND (job, revision, step, place) > (?3, ?4, ?5, ?6) ORDER BY job, revision, step, place LIMIT ${pageSize}`;

/** Deletes runs whose jobs retention has deleted: the next page of a walk over all tenants. `after` is what the previous call returned. */
export async function forgetRuns(db: D1Database, texts: Pick<Texts, "removeAll">, after: string, before: number): Promise<{ removed: number; last: string }> {
  const [tenant = "", job = ""] = after.split("/");
  const { results } = await db.prepare(forgottenSql).bind(tenant, job, before, pageSize).all<{ tenant: string; job: string; gone: number }>();
  const byTenant = Map.groupBy(
    results.filter(({ gone }) => gone === 1),
    (row) => row.tenant,
  );
  for (const [each, rows] of byTenant)
    await removeRuns(
      db,
      texts,
      each,
      rows.map((row) => row.job),
    );
  const end = results.length === pageSize ? results.at(-1) : undefined;
  return { removed: results.filter(({ gone }) => gone === 1).length, last: end ? `${end.tenant}/${end.job}` : "" };
}

const forgottenSql = `
  SELECT r.tenant, r.job, r.at < ?3 AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = r.tenant AND j.id = r.job) AS gone
  FROM agent_runs r WHERE (r.tenant, r.job) > (?1, ?2) ORDER BY r.tenant, r.job LIMIT ?4`;
