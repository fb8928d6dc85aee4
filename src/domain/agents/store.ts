import { rowsOf, statement } from "../../d1";
import type { AgentRuns, AgentSettings } from "./capability";
import type { BudgetInput, Proposal, TenantBudget, Used } from "./model";
import { proposalColumns, proposalFrom, type ProposalRow, stepColumns, stepFrom, type StepRow, type Texts } from "./rows";
import { createSpendRecords } from "./spend";

/** A longer body is stored in R2. Characters. */
const maxInline = 16_000;

/** The records of one tenant's runs. Every statement names the tenant. */
export function createAgentRuns(db: D1Database, texts: Texts, tenant: string): AgentRuns {
  const bound = (sql: string, ...values: (string | number | null)[]) => db.prepare(sql).bind(tenant, ...values);
  return {
    async open({ job, agent, revision, dry, inputHash }, now) {
      const opened = await db.batch<Record<string, unknown>>([
        bound(beginSql, job, agent, dry ? 1 : 0, now, revision, inputHash),
        bound(adoptSql, job, inputHash),
        bound(anewSql, job, inputHash, revision, dry ? 1 : 0),
        bound(outdateSql, job, now),
        bound("SELECT tokens, micros, ms, revision FROM agent_runs WHERE tenant = ?1 AND job = ?2", job),
        bound(`SELECT ${stepColumns} FROM agent_steps WHERE tenant = ?1 AND job = ?2 AND revision = ${presentRevision} ORDER BY step, place`, job),
        bound(`SELECT ${proposalColumns} FROM agent_proposals WHERE tenant = ?1 AND job = ?2 AND revision = ${presentRevision} ORDER BY step, place`, job),
      ]);
      const [used] = rowsOf<Used & { revision: number }>(opened, 4);
      const steps = await Promise.all(rowsOf<StepRow>(opened, 5).map((row) => stepFrom(row, texts)));
      return { ...used!, steps, proposals: rowsOf<ProposalRow>(opened, 6).map(proposalFrom) };
    },
    settings: (agent) => settingsOf(db, tenant, agent),
    ...createSpendRecords(db, tenant),
    async stepWrites({ job, revision }, { step, place, kind, body, tokens, micros }, now) {
      const text = JSON.stringify(body);
      // A unique name, so that a run can delete a text that it could not record without affecting other runs.
      const ref = text.length > maxInline ? await texts.put(tenant, `${job}/${crypto.randomUUID()}`, text) : null;
      return { writes: [bound(stepSql, job, revision, step, place, kind, ref === null ? text : null, ref, tokens, micros, now)], ref };
    },
    async dropText(ref) {
      const [, job = ""] = ref.split("/");
      const recorded = await bound("SELECT 1 FROM agent_steps WHERE tenant = ?1 AND job = ?2 AND ref = ?3", job, ref).first();
      if (recorded === null) await texts.remove([ref]);
    },
    proposeWrites({ job, agent, revision }, { step, place, tool, body, expiresAt }, now) {
      return [bound(proposeSql, job, revision, step, place, agent, tool, JSON.stringify(body), now, expiresAt)];
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

/** The name of the settings row for all agents of a tenant; no agent has it. */
export const allAgents = "";

/** What a tenant set for an agent; null where nothing is set. */
async function settingsOf(db: D1Database, tenant: string, agent: string): Promise<AgentSettings> {
  const sql = "SELECT agent, budget, stopped_at AS at, stopped_by AS by FROM agent_settings WHERE tenant = ?1 AND agent IN (?2, ?3)";
  const { results } = await db.prepare(sql).bind(tenant, agent, allAgents).all<SettingsRow>();
  const row = results.find((each) => each.agent === agent);
  const all = results.find((each) => each.agent === allAgents);
  return {
    budget: row?.budget ? (JSON.parse(row.budget) as BudgetInput) : null,
    tenant: all?.budget ? (JSON.parse(all.budget) as TenantBudget) : null,
    stopped: row === undefined || row.at === null ? null : { at: row.at, by: row.by ?? "" },
  };
}

export interface SettingsRow {
  agent: string;
  budget: string | null;
  at: number | null;
  by: string | null;
}

/** Replaces the budget that a tenant set for an agent, or (`allAgents`) for all of them. */
export async function putBudget(db: D1Database, tenant: string, agent: string, budget: BudgetInput | TenantBudget): Promise<void> {
  const sql = "INSERT INTO agent_settings (tenant, agent, budget) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET budget = excluded.budget";
  await db.prepare(sql).bind(tenant, agent, JSON.stringify(budget)).run();
}

/** Stops an agent for a tenant, or starts it again (null). A repeated stop keeps the first time. */
export async function putStopped(db: D1Database, tenant: string, agent: string, stopped: { at: number; by: string } | null): Promise<void> {
  const sql = `
    INSERT INTO agent_settings (tenant, agent, stopped_at, stopped_by) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET stopped_at = iif(?3 IS NULL, NULL, coalesce(stopped_at, ?3)), stopped_by = iif(?3 IS NULL, NULL, coalesce(stopped_by, ?4))`;
  await statement(db, sql, tenant, agent, stopped?.at ?? null, stopped?.by ?? null).run();
}

/**
 * Decides a pending proposal, and writes the audit row in the same transaction.
 * False: the proposal is no longer pending, has expired, or its run has ended.
 */
export async function decideProposal(db: D1Database, tenant: string, job: string, decision: ProposalDecision, now: number): Promise<boolean> {
  const { at, state, body, by, reason } = decision;
  const edited = body === undefined ? null : JSON.stringify(body);
  const action = state === "approved" ? "approve" : "reject";
  const [decided] = await db.batch([
    db.prepare(decideSql).bind(tenant, job, state, edited, by, reason ?? null, now, at.revision, at.step, at.place),
    statement(db, decisionAuditSql, tenant, now, crypto.randomUUID(), by, action, job, edited === null ? null : "edited"),
  ]);
  return (decided?.meta.changes ?? 0) > 0;
}

export interface ProposalDecision {
  /** The proposal that the person saw. */
  at: Pick<Proposal, "revision" | "step" | "place">;
  state: "approved" | "rejected";
  /** The arguments as the person edited them; undefined: unchanged. */
  body?: unknown;
  /** The actor, as audit rows name it. */
  by: string;
  reason?: string | undefined;
}

const decideSql = `
  UPDATE agent_proposals SET state = ?3, body = coalesce(?4, body), edited = ?4 IS NOT NULL, decided_by = ?5, reason = ?6, decided_at = ?7, woken = 0
  WHERE tenant = ?1 AND job = ?2 AND revision = ?8 AND step = ?9 AND place = ?10 AND state = 'pending' AND expires_at > ?7
    AND EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = ?1 AND j.id = ?2 AND j.ended IS NULL AND j.cancel = 0)`;

const decisionAuditSql = "INSERT INTO audit (tenant, at, id, actor, action, target, detail) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE changes() > 0";

/** For the tick: decided proposals whose jobs may not have been woken. */
export async function unwokenDecisions(db: D1Database, limit: number): Promise<{ tenant: string; job: string }[]> {
  const sql = "SELECT tenant, job FROM agent_proposals WHERE woken = 0 ORDER BY decided_at LIMIT ?1";
  return (await db.prepare(sql).bind(limit).all<{ tenant: string; job: string }>()).results;
}

/** Records that no job waits for this decision. */
export async function noteWoken(db: D1Database, tenant: string, job: string): Promise<void> {
  await db.prepare("UPDATE agent_proposals SET woken = 1 WHERE tenant = ?1 AND job = ?2 AND woken = 0").bind(tenant, job).run();
}

const beginSql = `
  INSERT INTO agent_runs (tenant, job, agent, dry, at, revision, input_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING`;

/** For a run that began before payloads were compared. */
const adoptSql = "UPDATE agent_runs SET input_hash = ?3 WHERE tenant = ?1 AND job = ?2 AND input_hash IS NULL";

const anewSql = `
  UPDATE agent_runs SET revision = ?4, input_hash = ?3, dry = ?5 WHERE tenant = ?1 AND job = ?2 AND input_hash <> ?3 AND revision < ?4`;

const presentRevision = "(SELECT revision FROM agent_runs WHERE tenant = ?1 AND job = ?2)";

/** A proposal for the former payload expires. */
const outdateSql = `
  UPDATE agent_proposals SET state = 'expired', decided_at = ?3 WHERE tenant = ?1 AND job = ?2 AND state = 'pending' AND revision < ${presentRevision}`;

/** Nothing is recorded for a run that was erased meanwhile. */
const ofKeptRun = "WHERE EXISTS (SELECT 1 FROM agent_runs WHERE tenant = ?1 AND job = ?2) ON CONFLICT DO NOTHING";

const stepSql = `
  INSERT INTO agent_steps (tenant, job, revision, step, place, kind, body, ref, tokens, micros, at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
  ${ofKeptRun}`;

const proposeSql = `
  INSERT INTO agent_proposals (tenant, job, revision, step, place, agent, tool, body, state, asked_at, expires_at)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending', ?9, ?10 ${ofKeptRun}`;
