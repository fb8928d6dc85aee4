import type { CallResult } from "../../queue/ports/gates";
import type { Reply } from "../../queue/effect";
import type { CostBound, Spend } from "./budget";
import type { BudgetInput, Proposal, AgentStep, TenantBudget, Used } from "./model";
import type { ProductText, ProductToDescribe } from "../shop/products/texts";

/** Everything recorded for a run. */
export interface RunRecord extends Used {
  steps: AgentStep[];
  proposals: Proposal[];
}

/** What a tenant set for an agent. */
export interface AgentSettings {
  budget: BudgetInput | null;
  /** The budget of all agents together. */
  tenant: TenantBudget | null;
  /** When it was stopped (milliseconds), and by which token. Null: it may run. */
  stopped: { at: number; by: string } | null;
}

/** A step before it is recorded. */
export type NewStep = Omit<AgentStep, "at" | "revision">;

/** The run in progress. */
export interface RunOf {
  job: string;
  agent: string;
  /** The records belong to this revision, see `AgentStep`. */
  revision: number;
}

interface Opening extends RunOf {
  dry: boolean;
  /** SHA-256 of the payload. When it differs and the revision was raised, the run starts again. */
  inputHash: string;
}

/** Statements for a checkpoint, and the key of the R2 object that they name. */
interface StepWrites {
  writes: readonly unknown[];
  ref: string | null;
}

/** Budgets of one month, in millionths of a USD. */
interface MonthLimits {
  agent: number;
  tenant: number;
}

/** The records of one tenant's agents, as the job `agent` reads and writes them. Every call throws when D1 or R2 cannot be reached. */
export interface AgentRuns {
  /** Reads the records of a run under its current revision, and returns that revision. Creates the row when there is none. */
  open(opening: Opening, now: number): Promise<RunRecord & { revision: number }>;
  settings(agent: string): Promise<AgentSettings>;
  /** This month's use, of the agent and of all agents of the tenant. */
  spend(agent: string, now: number): Promise<{ agent: Spend; tenant: Spend }>;
  /** Reserves the highest cost of a call before it is made. False: the month's budget does not allow it. */
  reserve(run: RunOf, bound: CostBound, limits: MonthLimits, now: number): Promise<boolean>;
  /** After a call without an answer: releases what was certainly not billed, and counts its time. */
  lose(run: RunOf, released: CostBound, ms: number, reservedAt: number): Promise<void>;
  /** Statements that record a step, for a checkpoint. A large body is in R2 when this returns. */
  stepWrites(run: RunOf, step: NewStep, now: number): Promise<StepWrites>;
  /** Deletes the object that `stepWrites` put into R2, unless a recorded step names it. */
  dropText(ref: string): Promise<void>;
  /** Statements that replace a reservation by the actual cost of the call. */
  settleWrites(run: RunOf, bound: CostBound, used: Used, reservedAt: number): readonly unknown[];
  proposeWrites(run: RunOf, proposal: Pick<Proposal, "step" | "place" | "tool" | "body" | "expiresAt">, now: number): readonly unknown[];
  /** Statements that expire the run's overdue proposals. */
  expireWrites(run: RunOf, now: number): readonly unknown[];
  /** Statements that mark the run's decisions as read. */
  noticedWrites(run: RunOf): readonly unknown[];
}

/** A failed, retrying or waiting job, as an agent reads it. */
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

/** One tenant's data as the tools of agents reach it. Every call throws when the database cannot be reached. */
export interface AgentWorld {
  /** Stored products without a text and without an approved one, by id. Null: there is no such site. */
  productsLackingTexts(site: string, wanted: { ids?: readonly number[] | undefined; limit: number }): Promise<ProductToDescribe[] | null>;
  saveProductTexts(site: string, job: string, texts: readonly ProductText[]): Promise<void>;
  /** Alt texts of the pictures under `products/{id}/`. */
  altTexts(product: number): Promise<{ key: string; altText: string }[]>;
  syncTroubles(siteId: string | undefined): Promise<SyncTroubles>;
  /** Retries dead and discarded sync jobs. Returns the ids of those that it changed. */
  retrySyncs(ids: readonly string[]): Promise<Reply<string[]>>;
}

export interface AgentWork {
  runs: AgentRuns;
  world: AgentWorld;
  /** Reports the result of a run to the agent's circuit breaker. */
  reportResult(agent: string, result: CallResult): void;
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
