import type { NewAuditEntry, IntakeDeps } from "./deps";
import { actorOf, type Caller } from "./route";

/** The caller, and the tenant that it acts for; null: all tenants. */
interface Acting {
  deps: Pick<IntakeDeps, "audit" | "now">;
  tenant: string | null;
  caller: Caller;
}

/**
 * Writes one line of the audit for an act. `target`: what is acted on, as a path of the API has it (`queues/email-sending`); no personal data, so
 * neither a reason nor a note that a person typed. Throws when the line cannot be written.
 */
export function audit({ deps, tenant, caller }: Acting, action: NewAuditEntry["action"], target: string, detail?: string): Promise<void> {
  return deps.audit({ tenant: tenant ?? "*", actor: actorOf(caller), action, target, ...(detail === undefined ? {} : { detail }), at: deps.now() });
}
