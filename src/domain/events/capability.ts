import type { EntityState, Fact } from "./model";
import type { RoutingTable } from "./plan";
import { factsOf, hasAnswered, routingTableOf, stateOf } from "./queries";
import { addAnswer, addFact, addFollowUp, removeFollowUps } from "./store";

/** What events recorded of things. */
export interface Facts {
  /** Adds what is not there yet. Throws when the database cannot be reached. */
  add(tenant: string, fact: Fact): Promise<void>;
  stateOf(tenant: string, entity: string): Promise<EntityState>;
  /** The newest, oldest of them first. */
  list(tenant: string, entity: string, limit?: number): Promise<Fact[]>;
}

/** Which leads have answered, and which follow-ups wait for them not to. */
export interface FollowUps {
  /** Remembers the job that will write to the lead. */
  planned(tenant: string, entity: string, job: string): Promise<void>;
  /** The lead has answered: remembers when, and cancels what was planned. Returns how many jobs. */
  answered(tenant: string, entity: string, at: number): Promise<number>;
  /** The job has run: there is nothing to cancel any more. */
  over(tenant: string, entity: string, job: string): Promise<void>;
  /** Whether the lead has answered since `at`. */
  hasAnswered(tenant: string, entity: string, at: number): Promise<boolean>;
}

export interface Routing {
  /** Read afresh for each event, so that a change counts at once. Throws when the database cannot be reached. */
  of(tenant: string): Promise<RoutingTable>;
}

declare module "../../queue/job" {
  interface Capabilities {
    facts: Facts;
    followUps: FollowUps;
    routing: Routing;
  }
}

export function createFacts(db: D1Database): Facts {
  return {
    add: (tenant, fact) => addFact(db, tenant, fact),
    stateOf: (tenant, entity) => stateOf(db, tenant, entity),
    list: (tenant, entity, limit) => factsOf(db, tenant, entity, limit),
  };
}

/** `cancel` ends a job that is not running; a running one ends by itself, since it asks `hasAnswered` first. */
export function createFollowUps(db: D1Database, cancel: (tenant: string, job: string) => Promise<unknown>): FollowUps {
  return {
    planned: (tenant, entity, job) => addFollowUp(db, tenant, entity, job),
    answered: async (tenant, entity, at) => {
      const jobs = await addAnswer(db, tenant, entity, at);
      for (const job of jobs) await cancel(tenant, job);
      await removeFollowUps(db, tenant, entity, jobs);
      return jobs.length;
    },
    over: (tenant, entity, job) => removeFollowUps(db, tenant, entity, [job]),
    hasAnswered: (tenant, entity, at) => hasAnswered(db, tenant, entity, at),
  };
}

export function createRouting(db: D1Database): Routing {
  return { of: (tenant) => routingTableOf(db, tenant) };
}
