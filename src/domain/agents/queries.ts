import { rowsOf, statement } from "../../d1";
import type { JobState } from "../../queue/state";
import { monthOf, noSpend, type Spend } from "./budget";
import type { AgentSettings } from "./capability";
import type { BudgetInput, Proposal, AgentStep, TenantBudget } from "./model";
import { proposalColumns, proposalFrom, type ProposalRow, stepColumns, stepFrom, type StepRow, type Texts } from "./rows";
import { allAgents, type SettingsRow } from "./store";

/** A run in a list. Times in milliseconds. */
export interface RunSummary {
  id: string;
  agent: string;
  dry: boolean;
  state: JobState;
  reason: string | null;
  tokens: number;
  micros: number;
  at: number;
}

export interface RunDetail extends RunSummary {
  steps: AgentStep[];
  /** The newest proposal, with the name of the token that decided it. */
  proposal: (Proposal & { decidedByName: string | null }) | null;
}

/** SQL for the name of the token in this column; null for the root token. */
const nameOf = (table: string, column: string) => `(SELECT t.name FROM tokens t WHERE t.tenant = ${table}.tenant AND t.id = ${table}.${column})`;

/** Reads of runs. Every statement names its tenant. */
export function createAgentQueries(db: D1Database, texts: Pick<Texts, "get">) {
  return {
    /** Newest first. */
    async runs(
      tenant: string,
      { agent, before, limit }: { agent?: string | undefined; before: [at: number, id: string]; limit: number },
    ): Promise<RunSummary[]> {
      const { results } = await statement(db, listSql, tenant, ...before, agent ?? null, limit).all<SummaryRow>();
      return results.map(summaryFrom);
    },
    async run(tenant: string, job: string): Promise<RunDetail | null> {
      const results = await db.batch<Record<string, unknown>>([
        db.prepare(`${summarySql} WHERE r.tenant = ?1 AND r.job = ?2`).bind(tenant, job),
        db.prepare(`SELECT ${stepColumns} FROM agent_steps WHERE tenant = ?1 AND job = ?2 ORDER BY revision, step, place`).bind(tenant, job),
        statement(db, newestProposalSql, tenant, job),
      ]);
      const [row] = rowsOf<SummaryRow>(results, 0);
      if (!row) return null;
      const [proposal] = rowsOf<ProposalRow & { name: string | null }>(results, 2);
      return {
        ...summaryFrom(row),
        steps: await Promise.all(rowsOf<StepRow>(results, 1).map((each) => stepFrom(each, texts))),
        proposal: proposal ? { ...proposalFrom(proposal), decidedByName: proposal.name } : null,
      };
    },
    /** The settings and this month's use of each agent, and of all of them. */
    async agents(tenant: string, now: number): Promise<TenantAgents> {
      const results = await db.batch<Record<string, unknown>>([
        statement(db, settingsSql, tenant),
        db.prepare("SELECT agent, micros, tokens, calls, last_at AS lastAt FROM agent_spend WHERE tenant = ?1 AND month = ?2").bind(tenant, monthOf(now)),
      ]);
      const settings = rowsOf<SettingsRow & { name: string | null }>(results, 0);
      const spends = rowsOf<Spend & { agent: string }>(results, 1);
      const budget = settings.find(({ agent }) => agent === allAgents)?.budget ?? null;
      const byAgent = new Map<string, AgentSummary>();
      const entry = (agent: string) => byAgent.get(agent) ?? { budget: null, stopped: null, spend: noSpend };
      for (const row of settings) {
        const stopped = row.at === null ? null : { at: row.at, by: row.by ?? "", byName: row.name };
        byAgent.set(row.agent, { ...entry(row.agent), budget: row.budget === null ? null : (JSON.parse(row.budget) as BudgetInput), stopped });
      }
      for (const { agent, ...spend } of spends) byAgent.set(agent, { ...entry(agent), spend });
      return { budget: budget === null ? null : (JSON.parse(budget) as TenantBudget), spend: spends.reduce(addSpend, noSpend), byAgent };
    },
  };
}

export interface AgentSummary extends Pick<AgentSettings, "budget"> {
  /** When it was stopped (milliseconds). `byName`: the name of that token. Null: it may run. */
  stopped: (NonNullable<AgentSettings["stopped"]> & { byName: string | null }) | null;
  spend: Spend;
}

export interface TenantAgents {
  /** The budget of all agents together. */
  budget: TenantBudget | null;
  spend: Spend;
  byAgent: Map<string, AgentSummary>;
}

function addSpend(one: Spend, other: Spend): Spend {
  const { micros, tokens, calls, lastAt } = other;
  return { micros: one.micros + micros, tokens: one.tokens + tokens, calls: one.calls + calls, lastAt: Math.max(one.lastAt, lastAt) };
}

interface SummaryRow extends Omit<RunSummary, "dry" | "state"> {
  dry: number;
  state: JobState | null;
}

// A run whose job has no row any more had ended.
function summaryFrom({ dry, state, ...row }: SummaryRow): RunSummary {
  return { ...row, dry: dry === 1, state: state ?? "done" };
}

const summarySql = `
  SELECT r.job AS id, r.agent, r.dry, j.state, j.reason, r.tokens, r.micros, r.at
  FROM agent_runs r LEFT JOIN jobs j ON j.tenant = r.tenant AND j.id = r.job`;

const newestProposalSql = `
  SELECT ${proposalColumns}, ${nameOf("agent_proposals", "decided_by")} AS name FROM agent_proposals
  WHERE tenant = ?1 AND job = ?2 ORDER BY revision DESC, step DESC, place DESC LIMIT 1`;

const settingsSql = `
  SELECT agent, budget, stopped_at AS at, stopped_by AS by, ${nameOf("agent_settings", "stopped_by")} AS name
  FROM agent_settings WHERE tenant = ?1`;

const listSql = `${summarySql} WHERE r.tenant = ?1 AND (r.at, r.job) < (?2, ?3) AND (?4 IS NULL OR r.agent = ?4) ORDER BY r.at DESC, r.job DESC LIMIT ?5`;
