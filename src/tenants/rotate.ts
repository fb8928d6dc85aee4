import type { RotationMark } from "../ledger/watermarks";
import type { TenantStore } from "./tenant";

/** Tenants that one tick reads, and credentials that it seals anew. */
const tenantsPerTick = 10;
const maxResealed = 50;

/** The stores with sealed columns. */
const sealing = ["connections", "sites", "projects", "destinations", "subscriptions", "inboundSecrets"] as const;

/** The stores that seal. `rotate` seals at most `limit` rows of a tenant and returns how many. */
type SealingStores = Record<(typeof sealing)[number], { rotate(tenant: string, limit: number): Promise<number> }> & {
  tenants: Pick<TenantStore, "list">;
};

/**
 * Seals anew the credentials that an older key of ENCRYPTION_KEYS sealed. The key can be removed once a whole round has found none.
 * Continues after the tenant served last; a tenant with more credentials than one tick may seal is served again by the next tick.
 */
export async function rotate(stores: SealingStores, mark: RotationMark): Promise<number> {
  let last = await mark.read();
  let left = maxResealed;
  try {
    const page = await stores.tenants.list({ limit: tenantsPerTick, after: last });
    for (const { tenant } of page) {
      const before = last;
      // Set before the work, so that a failing tenant does not stop the rotation.
      last = tenant;
      for (const name of sealing) left -= await stores[name].rotate(tenant, left);
      if (left > 0) continue;
      last = before;
      return maxResealed;
    }
    if (page.length < tenantsPerTick) last = "";
    return maxResealed - left;
  } finally {
    await mark.write(last);
  }
}
