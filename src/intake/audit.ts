import type { NewAuditEntry, IntakeDeps } from "./deps";
import { actorOf, type Caller, permits } from "./route";

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

/** Whether the caller, an admin, asks to see personal fields of `target`; that is written into the audit before they are shown. */
export async function isRevealed({ query, ...acting }: Acting & { query: { reveal?: "0" | "1" | undefined } }, target: string): Promise<boolean> {
  if (query.reveal !== "1" || !permits(acting.caller, "admin")) return false;
  await audit(acting, "reveal", target);
  return true;
}
