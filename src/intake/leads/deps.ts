import type { createTurnstile } from "../../providers/turnstile/turnstile";
import type { Erased, ErasurePlan, ErasureRequest } from "../../domain/erasure/model";
import type { Project } from "../../tenants/project-schema";

/** What the routes about leads need besides `IntakeDeps`. */
export interface LeadDeps {
  /** True on a developer's machine, where the demo form is shown. */
  local: boolean;
  isApiKey(project: Project, given: string): Promise<boolean>;
  /** A secret of the project; undefined when it is not set or cannot be read. */
  secret(tenant: string, name: string, kind: "turnstile" | "crm", project: Project): Promise<string | undefined>;
  /** The secret of the tenant's connection `make`. Throws when the database cannot be reached. */
  hookSecret(tenant: string): Promise<string | undefined>;
  turnstile: ReturnType<typeof createTurnstile>;
  /** Whether one more post under this key is within its rate. May throw when the limiter cannot be reached. */
  mayPost(key: string): Promise<boolean>;
  /** The same for all browsers of one project together. */
  mayPostTo(project: string): Promise<boolean>;
  /** A genuine id of a job that does not exist. */
  newId(tenant: string): Promise<string>;
  /** The id of the job `lead` under an idempotency key. */
  idOfKey(tenant: string, key: string): Promise<string>;
  erase(tenant: string, request: ErasureRequest): Promise<Erased>;
  /** What `erase` would erase; changes nothing. */
  planErasure(tenant: string, request: ErasureRequest): Promise<ErasurePlan>;
  /** Lets a promise finish after the answer. */
  defer(promise: Promise<unknown>): void;
}
