import { endsOf, keysOf, phoneKeys } from "../erasure/person";
import type { Fact } from "./model";

/** Adds a fact that is not there yet. Throws when the database cannot be reached. */
export async function addFact(db: D1Database, tenant: string, { entity, at, event, type, data }: Fact): Promise<void> {
  const email = keysOf({ email: data["email"] })[0]?.slice(2) ?? null;
  const phone = endsOf(phoneKeys(data["phone"]))[0] ?? null;
  await db.prepare(addSql).bind(tenant, entity, at, event, type, JSON.stringify(data), email, phone).run();
}

/** Remembers the job that will write to the lead. */
export async function addFollowUp(db: D1Database, tenant: string, entity: string, job: string): Promise<void> {
  await db.prepare("INSERT INTO follow_ups (tenant, entity, job) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING").bind(tenant, entity, job).run();
}

/** Remembers when the lead has answered. Returns the jobs that were to write to it, read after that: a follow-up that begins just now finds the answer. */
export async function addAnswer(db: D1Database, tenant: string, entity: string, at: number): Promise<string[]> {
  const [, open] = await db.batch<{ job: string }>([
    db.prepare(answerSql).bind(tenant, entity, at),
    db.prepare("SELECT job FROM follow_ups WHERE tenant = ?1 AND entity = ?2").bind(tenant, entity),
  ]);
  return (open?.results ?? []).map(({ job }) => job);
}

/** These jobs have run or are cancelled. */
export async function removeFollowUps(db: D1Database, tenant: string, entity: string, jobs: readonly string[]): Promise<void> {
  if (jobs.length > 0) await db.prepare(removeSql).bind(tenant, entity, JSON.stringify(jobs)).run();
}

const addSql = `INSERT INTO facts (tenant, entity, at, event, type, data, email, phone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING`;

const answerSql = `
  INSERT INTO answers (tenant, entity, at) VALUES (?1, ?2, ?3)
  ON CONFLICT (tenant, entity) DO UPDATE SET at = max(at, excluded.at)`;

const removeSql = "DELETE FROM follow_ups WHERE tenant = ?1 AND entity = ?2 AND job IN (SELECT value FROM json_each(?3))";
