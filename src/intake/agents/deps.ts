import type { Agent } from "../../domain/agents/define";
import type { BudgetInput, TenantBudget } from "../../domain/agents/model";
import type { AgentQueries, TenantAgents } from "../../domain/agents/queries";
import type { Decision } from "../../domain/agents/store";

/** What the routes about agents need besides the rest. Everything throws when D1 or R2 cannot be reached. */
export interface AgentDeps extends Pick<AgentQueries, "runs" | "run"> {
  agents(): readonly Agent[];
  settings(tenant: string): Promise<TenantAgents>;
  /** Decides the proposal, records who did in the audit, and wakes its run. False: it does not wait any more. */
  decide(tenant: string, job: string, decision: Decision): Promise<boolean>;
  /** Null: of all agents together. Runs that waited for money go on. */
  putBudget(tenant: string, agent: string | null, budget: BudgetInput | TenantBudget): Promise<void>;
  stop(tenant: string, agent: string, by: string): Promise<void>;
  /** Runs that waited for it go on. */
  start(tenant: string, agent: string): Promise<void>;
}
