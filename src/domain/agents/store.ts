import { monthOf, type Spend } from "./budget";
import type { AgentRuns, AgentSettings } from "./capability";
import type { BudgetInput, Used } from "./model";
import { proposalColumns, proposalFrom, type ProposalRow, stepColumns, stepFrom, type StepRow, type Texts } from "./rows";

/** Longer records go to R2. Characters. */
const maxInline = 16_000;

const noSpend: Spend = { micros: 0, tokens: 0, calls: 0, lastAt: 0 };

/** Writes of runs, for one tenant. Every statement names it. */
export function agentRuns(db: D1Database, texts: Texts, tenant: string): AgentRuns {
  const bound = (sql: string, ...values: (string | number | null)[]) => db.prepare(sql).bind(tenant, ...values);
  return {
    async open({ job, agent }, dry, now) {
      const [, run, steps, proposals] = await db.batch<Record<string, unknown>>([
        bound("INSERT INTO agent_runs (tenant, job, agent, dry, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING", job, agent, dry ? 1 : 0, now),
        bound("SELECT tokens, micros, ms FROM agent_runs WHERE tenant = ?1 AND job = ?2", job),
        bound(`SELECT ${stepColumns} FROM agent_steps WHERE tenant = ?1 AND job = ?2 ORDER BY step, place`, job),
        bound(`SELECT ${proposalColumns} FROM agent_proposals WHERE tenant = ?1 AND job = ?2 ORDER BY step, place`, job),
      ]);
      const used = run?.results[0] as unknown as Used;
      return {
        ...used,
        steps: await Promise.all(((steps?.results ?? []) as unknown as StepRow[]).map((row) => stepFrom(row, texts))),
        proposals: ((proposals?.results ?? []) as unknown as ProposalRow[]).map(proposalFrom),
      };
    },
    settings: (agent) => settingsOf(db, tenant, agent),
    async spend(agent, now) {
      const sql = "SELECT micros, tokens, calls, last_at AS lastAt FROM agent_spend WHERE tenant = ?1 AND agent = ?2 AND month = ?3";
      return (await bound(sql, agent, monthOf(now)).first<Spend>()) ?? noSpend;
    },
    async reserve({ job, agent }, { tokens, micros }, maxMicros, now) {
      const month = monthOf(now);
      const [, reserved] = await db.batch<{ micros: number }>([
        bound("INSERT INTO agent_spend (tenant, agent, month) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING", agent, month),
        bound(reserveSql, agent, month, micros, tokens, now, maxMicros),
      ]);
      if ((reserved?.results.length ?? 0) === 0) return false;
      await bound(useSql, job, tokens, micros, 0).run();
      return true;
    },
    async release({ job, agent }, { tokens, micros }, reservedAt) {
      await db.batch([bound(useSql, job, -tokens, -micros, 0), bound(correctSql, agent, monthOf(reservedAt), -micros, -tokens)]);
    },
    async stepWrites({ job }, { step, place, kind, body, tokens, micros }, now) {
      const text = JSON.stringify(body);
      const ref = text.length > maxInline ? await texts.put(tenant, job, text) : null;
      return [bound(stepSql, job, step, place, kind, ref === null ? text : null, ref, tokens, micros, now)];
    },
    settleWrites({ job, agent }, reserved, { tokens, micros, ms }, reservedAt) {
      const [more, dearer] = [tokens - reserved.tokens, micros - reserved.micros];
      return [bound(useSql, job, more, dearer, ms), bound(correctSql, agent, monthOf(reservedAt), dearer, more)];
    },
    proposeWrites({ job, agent }, { step, place, tool, body, expiresAt }, now) {
      return [bound(proposeSql, job, step, place, agent, tool, JSON.stringify(body), now, expiresAt)];
    },
    expireWrites: ({ job }, now) => [
      bound(
        "UPDATE agent_proposals SET state = 'expired', decided_at = ?3 WHERE tenant = ?1 AND job = ?2 AND state = 'pending' AND expires_at <= ?3",
        job,
        now,
      ),
    ],
    noticedWrites: ({ job }) => [bound("UPDATE agent_proposals SET woken = 1 WHERE tenant = ?1 AND job = ?2 AND woken = 0", job)],
  };
}

/** What a tenant set for an agent; nothing was set: nulls. */
export async function settingsOf(db: D1Database, tenant: string, agent: string): Promise<AgentSettings> {
  const sql = "SELECT budget, stopped_at AS at, stopped_by AS by FROM agent_settings WHERE tenant = ?1 AND agent = ?2";
  const row = await db.prepare(sql).bind(tenant, agent).first<{ budget: string | null; at: number | null; by: string | null }>();
  return {
    budget: row?.budget ? (JSON.parse(row.budget) as BudgetInput) : null,
    stopped: row === null || row.at === null ? null : { at: row.at, by: row.by ?? "" },
  };
}

/** Replaces what a tenant set of an agent's budget. */
export async function putBudget(db: D1Database, tenant: string, agent: string, budget: BudgetInput): Promise<void> {
  const sql = "INSERT INTO agent_settings (tenant, agent, budget) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET budget = excluded.budget";
  await db.prepare(sql).bind(tenant, agent, JSON.stringify(budget)).run();
}

/** Stops an agent for a tenant, or lets it run again (null). A repeated stop keeps the first time. */
export async function putStopped(db: D1Database, tenant: string, agent: string, stopped: { at: number; by: string } | null): Promise<void> {
  const sql = `
    INSERT INTO agent_settings (tenant, agent, stopped_at, stopped_by) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET stopped_at = iif(?3 IS NULL, NULL, coalesce(stopped_at, ?3)), stopped_by = iif(?3 IS NULL, NULL, coalesce(stopped_by, ?4))`;
  await db
    .prepare(sql)
    .bind(tenant, agent, stopped?.at ?? null, stopped?.by ?? null)
    .run();
}

/** Decides a proposal that waits. Null: there is none, or its time is over. */
export async function decide(db: D1Database, tenant: string, job: string, { state, body, by, reason }: Decision, now: number): Promise<ProposalRow | null> {
  const sql = `
    UPDATE agent_proposals SET state = ?3, body = coalesce(?4, body), edited = ?4 IS NOT NULL, decided_by = ?5, reason = ?6, decided_at = ?7, woken = 0
    WHERE tenant = ?1 AND job = ?2 AND state = 'pending' AND expires_at > ?7 RETURNING ${proposalColumns}`;
  return db
    .prepare(sql)
    .bind(tenant, job, state, body === undefined ? null : JSON.stringify(body), by, reason ?? null, now)
    .first<ProposalRow>();
}

export interface Decision {
  state: "approved" | "rejected";
  /** The arguments as a person changed them; undefined: as they are. */
  body?: unknown;
  /** Who, as an audit row names it. */
  by: string;
  reason?: string | undefined;
}

/** For the tick: decided proposals of which their jobs may not know. */
export async function unwokenDecisions(db: D1Database, limit: number): Promise<{ tenant: string; job: string }[]> {
  const sql = "SELECT tenant, job FROM agent_proposals WHERE woken = 0 ORDER BY decided_at LIMIT ?1";
  return (await db.prepare(sql).bind(limit).all<{ tenant: string; job: string }>()).results;
}

/** No job waits for this decision any more. */
export async function noteWoken(db: D1Database, tenant: string, job: string): Promise<void> {
  await db.prepare("UPDATE agent_proposals SET woken = 1 WHERE tenant = ?1 AND job = ?2 AND woken = 0").bind(tenant, job).run();
}

const useSql = "UPDATE agent_runs SET tokens = max(0, tokens + ?3), micros = max(0, micros + ?4), ms = ms + ?5 WHERE tenant = ?1 AND job = ?2";

const reserveSql = `
  UPDATE agent_spend SET micros = micros + ?4, tokens = tokens + ?5, calls = calls + 1, last_at = ?6
  WHERE tenant = ?1 AND agent = ?2 AND month = ?3 AND micros + ?4 <= ?7 RETURNING micros`;

const correctSql = "UPDATE agent_spend SET micros = max(0, micros + ?4), tokens = max(0, tokens + ?5) WHERE tenant = ?1 AND agent = ?2 AND month = ?3";

const stepSql = `
  INSERT INTO agent_steps (tenant, job, step, place, kind, body, ref, tokens, micros, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
  ON CONFLICT DO NOTHING`;

const proposeSql = `
  INSERT INTO agent_proposals (tenant, job, step, place, agent, tool, body, state, asked_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9)
  ON CONFLICT DO NOTHING`;
