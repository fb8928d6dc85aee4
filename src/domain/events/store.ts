import { endsOf, keysOf, phoneKeys } from "../erasure/person";
import type { Fact } from "./model";

/** Adds a fact unless it is stored already. Throws when the database cannot be reached. */
export async function addFact(db: D1Database, tenant: string, { entity, at, event, type, data }: Fact): Promise<void> {
  const email = keysOf({ email: data["email"] })[0]?.slice(2) ?? null;
  const phone = endsOf(phoneKeys(data["phone"]))[0] ?? null;
  await db.prepare(addSql).bind(tenant, entity, at, event, type, JSON.stringify(data), email, phone).run();
}

/** Records the job that will mail the lead. */
export async function addFollowUp(db: D1Database, tenant: string, entity: string, job: string): Promise<void> {
  await db.prepare("INSERT INTO follow_ups (tenant, entity, job) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING").bind(tenant, entity, job).run();
}

/** Records when the lead answered. Then reads and returns the jobs that were planned to mail it, so that a follow-up that starts meanwhile finds the answer. */
export async function addAnswer(db: D1Database, tenant: string, entity: string, at: number): Promise<string[]> {
  const [, open] = await db.batch<{ job: string }>([
    db.prepare(answerSql).bind(tenant, entity, at),
    db.prepare("SELECT job FROM follow_ups WHERE tenant = ?1 AND entity = ?2").bind(tenant, entity),
  ]);
  return (open?.results ?? []).map(({ job }) => job);
}

/** Removes the records of jobs that have run or were cancelled. */
export async function removeFollowUps(db: D1Database, tenant: string, entity: string, jobs: readonly string[]): Promise<void> {
  if (jobs.length > 0) await db.prepare(removeSql).bind(tenant, entity, JSON.stringify(jobs)).run();
}

const addSql = `INSERT INTO facts (tenant, entity, at, event, type, data, email, phone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING`;

const answerSql = `
  INSERT INTO answers (tenant, entity, at) VALUES (?1, ?2, ?3)
  ON CONFLICT (tenant, entity) DO UPDATE SET at = max(at, excluded.at)`;

const removeSql = "DELETE FROM follow_ups WHERE tenant = ?1 AND entity = ?2 AND job IN (SELECT value FROM json_each(?3))";
