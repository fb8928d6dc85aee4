import type { EntityState, Fact } from "./model";
import type { RoutingTable } from "./plan";
import { factsOf, hasAnswered, routingTableOf, stateOf } from "./queries";
import { addAnswer, addFact, addFollowUp, removeFollowUps } from "./store";

/** Facts that events recorded about entities. */
interface EntityFacts {
  /** Adds a fact unless it is stored already. Throws when the database cannot be reached. */
  add(tenant: string, fact: Fact): Promise<void>;
  stateOf(tenant: string, entity: string): Promise<EntityState>;
  /** The newest `limit` facts, the oldest of them first. */
  list(tenant: string, entity: string, limit?: number): Promise<Fact[]>;
}

/** Leads that have answered, and planned follow-ups. */
interface FollowUps {
  /** Records the job that will mail the lead. */
  planned(tenant: string, entity: string, job: string): Promise<void>;
  /** Records when the lead answered, and cancels its planned jobs. Returns how many. */
  answered(tenant: string, entity: string, at: number): Promise<number>;
  /** Removes the record of a job that has run. */
  over(tenant: string, entity: string, job: string): Promise<void>;
  /** Whether the lead has answered since `at`. */
  hasAnswered(tenant: string, entity: string, at: number): Promise<boolean>;
}

interface Routing {
  /** Reads the table for each event, so that a change applies at once. Throws when the database cannot be reached. */
  of(tenant: string): Promise<RoutingTable>;
}

declare module "../../queue/job" {
  interface Capabilities {
    facts: EntityFacts;
    followUps: FollowUps;
    routing: Routing;
  }
}

export function createFacts(db: D1Database): EntityFacts {
  return {
    add: (tenant, fact) => addFact(db, tenant, fact),
    stateOf: (tenant, entity) => stateOf(db, tenant, entity),
    list: (tenant, entity, limit) => factsOf(db, tenant, entity, limit),
  };
}

/** `cancel` ends a job that is not running; a running one calls `hasAnswered` first and ends by itself. */
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
