import type { CallResult } from "../../queue/ports/gates";
import type { Reply } from "../../queue/effect";
import type { Bound, Spend } from "./budget";
import type { BudgetInput, Proposal, Step, TenantBudget, Used } from "./model";
import type { ProductText, ProductToDescribe } from "../shop/products/texts";

/** All that is recorded of a run. */
export interface RunRecord extends Used {
  steps: Step[];
  proposals: Proposal[];
}

/** What a tenant set for an agent. */
export interface AgentSettings {
  budget: BudgetInput | null;
  /** For all agents. */
  tenant: TenantBudget | null;
  /** Null: it may run. Milliseconds. */
  stopped: { at: number; by: string } | null;
}

/** A record that is not written yet. */
export type NewStep = Omit<Step, "at" | "revision">;

/** The run that is going on. */
export interface RunOf {
  job: string;
  agent: string;
  /** Under which its records are kept, see `Step`. */
  revision: number;
}

/** What a job was given, as a run is opened with it. */
export interface Opening extends RunOf {
  dry: boolean;
  /** SHA-256 of the payload. With another one than before and a raised revision the run begins anew. */
  inputHash: string;
}

/** Writes for a checkpoint, and the objects in R2 that are theirs. */
export interface StepWrites {
  writes: readonly unknown[];
  ref: string | null;
}

/** USD that may be spent in a month, in millionths. */
export interface MonthLimits {
  agent: number;
  tenant: number;
}

/** What the job `agent` does with the records of one tenant. Everything throws when D1 or R2 cannot be reached. */
export interface AgentRuns {
  /** What is recorded of a run under its present revision, which is returned; its row is made when there is none. */
  open(opening: Opening, now: number): Promise<RunRecord & { revision: number }>;
  settings(agent: string): Promise<AgentSettings>;
  /** Of this month: of the agent, and of all agents of the tenant. */
  spend(agent: string, now: number): Promise<{ agent: Spend; tenant: Spend }>;
  /** Counts what a call may cost before it is made. False: the month's money does not allow it any more. */
  reserve(run: RunOf, bound: Bound, limits: MonthLimits, now: number): Promise<boolean>;
  /** A call brought no answer: takes back what was certainly not billed and counts its time. */
  lose(run: RunOf, released: Bound, ms: number, reservedAt: number): Promise<void>;
  /** Statements for a checkpoint: a record of the run. A large one lies in R2 once this returns. */
  stepWrites(run: RunOf, step: NewStep, now: number): Promise<StepWrites>;
  /** Removes what `stepWrites` put into R2, unless it was recorded after all. */
  dropText(ref: string): Promise<void>;
  /** And what a call really cost, in place of its reservation. */
  settleWrites(run: RunOf, bound: Bound, used: Used, reservedAt: number): readonly unknown[];
  proposeWrites(run: RunOf, proposal: Pick<Proposal, "step" | "place" | "tool" | "body" | "expiresAt">, now: number): readonly unknown[];
  /** Its time is over. */
  expireWrites(run: RunOf, now: number): readonly unknown[];
  /** The run has noticed what was decided. */
  noticedWrites(run: RunOf): readonly unknown[];
}

/** A job that failed or is held back, as an agent reads it. */
export interface FailedJob {
  id: string;
  type: string;
  state: string;
  siteId: string | null;
  reason: string;
  attempts: number;
  since: string;
}

/** What is wrong with a tenant's syncs. */
export interface SyncTroubles {
  jobs: FailedJob[];
  groups: { type: string; reason: string; count: number }[];
  sites: { site: string; paused: string | null; lastError: string | null }[];
}

/** What the tools of agents reach of one tenant's data. Everything throws when the database cannot be reached. */
export interface AgentWorld {
  /** Stored products that lack a text and have none that was approved, by id. Null: there is no such site. */
  productsLackingTexts(site: string, wanted: { ids?: readonly number[] | undefined; limit: number }): Promise<ProductToDescribe[] | null>;
  saveProductTexts(site: string, job: string, texts: readonly ProductText[]): Promise<void>;
  /** Alt texts of the pictures under `products/{id}/`. */
  altTexts(product: number): Promise<{ key: string; altText: string }[]>;
  syncTroubles(siteId: string | undefined): Promise<SyncTroubles>;
  /** Runs dead and discarded jobs of syncs again; returns those that were. */
  retrySyncs(ids: readonly string[]): Promise<Reply<string[]>>;
}

export interface AgentWork {
  runs: AgentRuns;
  world: AgentWorld;
  /** Feeds the agent's circuit breaker: how its run went. */
  went(agent: string, how: CallResult): void;
}

declare module "../../queue/job" {
  interface Capabilities {
    agents: AgentWork;
  }
}

/** The gate of an agent. */
export function agentGate(agent: string): string {
  return `agent:${agent}`;
}
