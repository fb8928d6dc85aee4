import type { EntityState, Fact } from "./model";
import type { RoutingTable } from "./plan";
import { factsOf, hasAnswered, routingTableOf, stateOf } from "./queries";
import { addAnswer, addFact, addFollowUp, removeFollowUps } from "./store";

/** Facts that events recorded about entities. */
type EntityFacts = ReturnType<typeof createFacts>;

/** Leads that have answered, and planned follow-ups. */
type FollowUps = ReturnType<typeof createFollowUps>;

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

export function createFacts(db: D1Database) {
  return {
    /** Adds a fact unless it is stored already. Throws when the database cannot be reached. */
    add: (tenant: string, fact: Fact): Promise<void> => addFact(db, tenant, fact),
    stateOf: (tenant: string, entity: string): Promise<EntityState> => stateOf(db, tenant, entity),
    /** The newest `limit` facts, the oldest of them first. */
    list: (tenant: string, entity: string, limit?: number): Promise<Fact[]> => factsOf(db, tenant, entity, limit),
  };
}

/** `cancel` ends a job that is not running; a running one calls `hasAnswered` first and ends by itself. */
export function createFollowUps(db: D1Database, cancel: (tenant: string, job: string) => Promise<unknown>) {
  return {
    /** Records the job that will mail the lead. */
    planned: (tenant: string, entity: string, job: string): Promise<void> => addFollowUp(db, tenant, entity, job),
    /** Records when the lead answered, and cancels its planned jobs. Returns how many. */
    answered: async (tenant: string, entity: string, at: number): Promise<number> => {
      const jobs = await addAnswer(db, tenant, entity, at);
      for (const job of jobs) await cancel(tenant, job);
      await removeFollowUps(db, tenant, entity, jobs);
      return jobs.length;
    },
    /** Removes the record of a job that has run. */
    over: (tenant: string, entity: string, job: string): Promise<void> => removeFollowUps(db, tenant, entity, [job]),
    /** Whether the lead has answered since `at`. */
    hasAnswered: (tenant: string, entity: string, at: number): Promise<boolean> => hasAnswered(db, tenant, entity, at),
  };
}

export function createRouting(db: D1Database): Routing {
  return { of: (tenant) => routingTableOf(db, tenant) };
}
