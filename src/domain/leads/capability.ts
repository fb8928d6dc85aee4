import type { Counters } from "../../ledger/counters";
import { createStateLookup } from "../../ledger/states";
import type { JobState } from "../../queue/state";
import type { ConnectionStore } from "../../tenants/connection";
import type { Project } from "../../tenants/project-schema";
import type { Snapshots } from "../../tenants/snapshot";
import { countedAs, pointOf } from "./analytics-point";
import type { Submission } from "./model";
import { nameAfterLead, type Stored, type StoreRequest, storeSubmission } from "./store";

/** One tenant's leads, for the job `lead`. */
export type Leads = ReturnType<typeof createLeads>;

declare module "../../queue/job" {
  interface Capabilities {
    leads: Leads;
  }
}

export interface LeadJobDeps {
  isLocal: boolean;
  /** A database that commits the leads of a batch together. */
  db: D1Database;
  snapshots: Pick<Snapshots, "read">;
  connections: Pick<ConnectionStore, "get">;
  counters: Pick<Counters, "add">;
  point(point: ReturnType<typeof pointOf>): void;
  now(): number;
}

export function createLeads({ isLocal, db, snapshots, connections, counters, point, now }: LeadJobDeps, tenant: string) {
  const snapshot = async () => {
    const lookup = await snapshots.read(tenant, now());
    if (lookup.state === "unknown") throw new Error("the settings of the tenant cannot be read");
    return lookup.state === "known" ? lookup.snapshot : undefined;
  };
  const stateOf = createStateLookup(db);
  return {
    /** Whether this is a local start, which forwarded leads are marked with. */
    local: isLocal,
    /** The project's current settings; null when it was removed, and its leads are stored all the same. Throws when the settings cannot be read. */
    project: async (name: string): Promise<Pick<Project, "name" | "forward" | "ackAfter" | "reengageHours"> | null> => {
      const projects = (await snapshot())?.sections.projects;
      return projects && Object.hasOwn(projects, name) ? (projects[name] ?? null) : null;
    },
    /** Whether the tenant has the connection `make`. */
    // Reads D1 where the snapshot has no connection: it may be out of date, and a lead is forwarded now or never.
    hasHook: async (): Promise<boolean> => (await snapshot())?.sections.connections?.["make"] !== undefined || (await connections.get(tenant, "make")) !== null,
    store: (request: Omit<StoreRequest, "tenant">): Promise<Stored> => storeSubmission(db, { tenant, ...request }, nameAfterLead(db, tenant, request.id)),
    /** State of the forwarding job; null while it has no row. */
    forwarding: (job: string): Promise<JobState | null> => stateOf(tenant, job),
    /** Writes points and counters, at most once; a lost one is not reported. */
    count: (submission: Submission, stored: Stored): void => {
      counters.add(tenant, "lead", countedAs(submission, stored), 0);
      point(pointOf(tenant, submission, stored));
    },
  };
}
