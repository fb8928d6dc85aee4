import type { Spend } from "../../domain/agents/budget";
import type { AgentSettings } from "../../domain/agents/capability";
import type { Agent } from "../../domain/agents/define";
import type { BudgetInput } from "../../domain/agents/model";
import type { AgentQueries } from "../../domain/agents/queries";
import type { Decision } from "../../domain/agents/store";

/** What the routes about agents need besides the rest. Everything throws when D1 or R2 cannot be reached. */
export interface AgentDeps extends Pick<AgentQueries, "runs" | "run"> {
  agents(): readonly Agent[];
  /** By agent; one without settings and calls is missing. */
  settings(tenant: string): Promise<Map<string, AgentSettings & { spend: Spend }>>;
  /** Decides the proposal that waits and wakes its run. False: there is none, or its time is over. */
  decide(tenant: string, job: string, decision: Decision): Promise<boolean>;
  putBudget(tenant: string, agent: string, budget: BudgetInput): Promise<void>;
  stop(tenant: string, agent: string, by: string): Promise<void>;
  /** Runs that waited for it go on. */
  start(tenant: string, agent: string): Promise<void>;
}
