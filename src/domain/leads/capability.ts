import type { JobState } from "../../queue/state";
import type { Project } from "../../tenants/project-schema";
import type { Stored, StoreRequest } from "./store";
import type { Submission } from "./model";

/** What the job `lead` stands on, for one tenant. */
export interface Leads {
  /** A developer's machine: told to those who are forwarded to. */
  readonly local: boolean;
  /** The project's settings as they are now; null when it was removed: its leads are stored all the same. Throws when nobody can tell. */
  project(name: string): Promise<Pick<Project, "name" | "forward" | "ackAfter" | "reengageHours"> | null>;
  /** Whether there is a hook to forward to. */
  hasHook(): Promise<boolean>;
  store(request: Omit<StoreRequest, "tenant">): Promise<Stored>;
  /** State of the job that forwards; null while it is not written yet. */
  forwarding(job: string): Promise<JobState | null>;
  /** Charts and counters. At most once, lost without a word. */
  count(submission: Submission, stored: Stored): void;
}

declare module "../../queue/job" {
  interface Capabilities {
    leads: Leads;
  }
}
