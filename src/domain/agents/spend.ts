import { monthOf, noSpend, type Spend } from "./budget";
import type { AgentRuns } from "./capability";

/** What runs of agents cost a tenant, by month: reserved before a call, corrected after it. */
export function createSpendRecords(db: D1Database, tenant: string): Pick<AgentRuns, "spend" | "reserve" | "lose" | "settleWrites"> {
  const bound = (sql: string, ...values: (string | number | null)[]) => db.prepare(sql).bind(tenant, ...values);
  return {
    async spend(agent, now) {
      const { results } = await bound(spendSql, agent, monthOf(now)).all<Spend>();
      return { agent: results[0] ?? noSpend, tenant: results[1] ?? noSpend };
    },
    async reserve({ job, agent }, { tokens, micros }, limits, now) {
      const month = monthOf(now);
      const [, reserved] = await db.batch<{ micros: number }>([
        bound("INSERT INTO agent_spend (tenant, agent, month) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING", agent, month),
        bound(reserveSql, agent, month, micros, tokens, now, limits.agent, limits.tenant),
      ]);
      if ((reserved?.results.length ?? 0) === 0) return false;
      await bound(useSql, job, tokens, micros, 0).run();
      return true;
    },
    async lose({ job, agent }, { tokens, micros }, ms, reservedAt) {
      await db.batch([bound(useSql, job, -tokens, -micros, ms), bound(correctSql, agent, monthOf(reservedAt), -micros, -tokens)]);
    },
    settleWrites({ job, agent }, reserved, { tokens, micros, ms }, reservedAt) {
      const [more, dearer] = [tokens - reserved.tokens, micros - reserved.micros];
      return [bound(useSql, job, more, dearer, ms), bound(correctSql, agent, monthOf(reservedAt), dearer, more)];
    },
  };
}

const useSql = "UPDATE agent_runs SET tokens = max(0, tokens + ?3), micros = max(0, micros + ?4), ms = ms + ?5 WHERE tenant = ?1 AND job = ?2";

const monthSpend = "SELECT coalesce(sum(micros), 0) FROM agent_spend WHERE tenant = ?1 AND month = ?3";

const reserveSql = `
  UPDATE agent_spend SET micros = micros + ?4, tokens = tokens + ?5, calls = calls + 1, last_at = ?6
  WHERE tenant = ?1 AND agent = ?2 AND month = ?3 AND micros + ?4 <= ?7 AND (${monthSpend}) + ?4 <= ?8 RETURNING micros`;

/** Two rows: the agent's use, and that of all agents. */
const spendSql = ["agent = ?2 AND", ""]
  .map(
    (which) => `
  SELECT coalesce(sum(micros), 0) AS micros, coalesce(sum(tokens), 0) AS tokens, coalesce(sum(calls), 0) AS calls, coalesce(max(last_at), 0) AS lastAt
  FROM agent_spend WHERE tenant = ?1 AND ${which} month = ?3`,
  )
  .join(" UNION ALL ");

const correctSql = "UPDATE agent_spend SET micros = max(0, micros + ?4), tokens = max(0, tokens + ?5) WHERE tenant = ?1 AND agent = ?2 AND month = ?3";
