import type { Queries } from "../../ledger/queries";
import type { Engine } from "../../queue/engine";
import { retryNow } from "../../queue/operate";
import { waitsForMoney } from "./budget";
import { agents } from "./list";
import type { BudgetInput, TenantBudget } from "./model";
import { createAgentQueries } from "./queries";
import type { Texts } from "./rows";
import { allAgents, decideProposal, type ProposalDecision, putBudget, putStopped } from "./store";
import { wake } from "./wake";

/** Jobs that one start of an agent wakes; the others wake within an hour. */
const maxWoken = 200;

interface AgentOperationsDeps {
  db: D1Database;
  payloads: Pick<Texts, "get">;
  queries: Pick<Queries, "jobs">;
  /** The type of job that runs an agent. */
  type: string;
  engine(): Engine;
  now(): number;
}

export type AgentOperations = ReturnType<typeof createAgentOperations>;

/** Agents, as operators see and control them. Every call throws when D1 or R2 cannot be reached. */
export function createAgentOperations(deps: AgentOperationsDeps) {
  const { db, now } = deps;
  const { runs, run, agents: settings } = createAgentQueries(db, deps.payloads);
  return {
    agents: () => agents,
    settings: (tenant: string) => settings(tenant, now()),
    runs,
    run,
    /** Decides the proposal, writes an audit row, and wakes the run. False: the proposal is no longer pending. */
    async decide(tenant: string, job: string, decision: ProposalDecision): Promise<boolean> {
      if (!(await decideProposal(db, tenant, job, decision, now()))) return false;
      await wake({ db, engine: deps.engine() }, tenant, job);
      return true;
    },
    /** Null: the budget of all agents together. Wakes runs that waited for their budget. */
    async putBudget(tenant: string, agent: string | null, budget: BudgetInput | TenantBudget): Promise<void> {
      await putBudget(db, tenant, agent ?? allAgents, budget);
      await wakeWaiting(deps, tenant, "budget", waitsForMoney);
    },
    stop: (tenant: string, agent: string, by: string) => putStopped(db, tenant, agent, { at: now(), by }),
    /** Wakes the runs that waited for the agent. */
    async start(tenant: string, agent: string): Promise<void> {
      await putStopped(db, tenant, agent, null);
      await wakeWaiting(deps, tenant, "started", (reason) => reason.startsWith("the agent is stopped"));
    },
  };
}

/** Wakes runs that wait for such a reason. A run for which the reason still holds waits again. */
async function wakeWaiting(
  { queries, engine, type }: AgentOperationsDeps,
  tenant: string,
  event: string,
  isWanted: (reason: string) => boolean,
): Promise<void> {
  const { jobs } = await queries.jobs(tenant, { type, state: "waiting" }, { limit: maxWoken });
  const refs = jobs.filter(({ reason }) => reason !== null && isWanted(reason)).map(({ id }) => ({ tenant, id }));
  await retryNow(engine(), refs, { event, from: ["waiting"] });
}
