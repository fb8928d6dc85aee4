import type { Counters } from "../../ledger/counters";
import { createStateLookup } from "../../ledger/states";
import type { JobState } from "../../queue/state";
import type { ConnectionStore } from "../../tenants/connection";
import type { Project } from "../../tenants/project-schema";
import type { Snapshots } from "../../tenants/snapshot";
import { countedAs, pointOf } from "./analytics-point";
import type { Submission } from "./model";
import { nameAfterLead, type Stored, type StoreRequest, storeSubmission } from "./store";

/** What the job `lead` stands on, for one tenant. */
export interface Leads {
  /** A developer's machine: what is forwarded says so. */
  readonly local: boolean;
  /** The project's settings as they are now; null when it was removed: its leads are stored all the same. Throws when the settings cannot be read. */
  project(name: string): Promise<Pick<Project, "name" | "forward" | "ackAfter" | "reengageHours"> | null>;
  /** Whether there is a hook to forward to. */
  hasHook(): Promise<boolean>;
  store(request: Omit<StoreRequest, "tenant">): Promise<Stored>;
  /** State of the job that forwards; null while it is not written yet. */
  forwarding(job: string): Promise<JobState | null>;
  /** Charts and counters. At most once; a lost one leaves no trace. */
  count(submission: Submission, stored: Stored): void;
}

declare module "../../queue/job" {
  interface Capabilities {
    leads: Leads;
  }
}

export interface LeadJobDeps {
  isLocal: boolean;
  /** Where the leads of a batch are stored together. */
  db: D1Database;
  snapshots: Pick<Snapshots, "read">;
  connections: Pick<ConnectionStore, "get">;
  counters: Pick<Counters, "add">;
  point(point: ReturnType<typeof pointOf>): void;
  now(): number;
}

export function createLeads({ isLocal, db, snapshots, connections, counters, point, now }: LeadJobDeps, tenant: string): Leads {
  const snapshot = async () => {
    const lookup = await snapshots.read(tenant, now());
    if (lookup.state === "unknown") throw new Error("the settings of the tenant cannot be read");
    return lookup.state === "known" ? lookup.snapshot : undefined;
  };
  const stateOf = createStateLookup(db);
  return {
    local: isLocal,
    project: async (name) => {
      const projects = (await snapshot())?.sections.projects;
      return projects && Object.hasOwn(projects, name) ? (projects[name] ?? null) : null;
    },
    // A new connection may be missing in this isolate's copy: a lead that is not forwarded now never is.
    hasHook: async () => (await snapshot())?.sections.connections?.["make"] !== undefined || (await connections.get(tenant, "make")) !== null,
    store: (request) => storeSubmission(db, { tenant, ...request }, nameAfterLead(db, tenant, request.id)),
    forwarding: (job) => stateOf(tenant, job),
    count: (submission, stored) => {
      counters.add(tenant, "lead", countedAs(submission, stored), 0);
      point(pointOf(tenant, submission, stored));
    },
  };
}
