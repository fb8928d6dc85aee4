import type { TenantGates } from "../../tenants/gates";
import type { MailSlot } from "./capability";

/** The lease of a slot, longer than any call to a mail provider. */
const slotMs = 120_000;

/** A slot at the gate `mail`. Campaigns and e-mail jobs share the tenant's limits. */
export async function mailSlotAt(gates: TenantGates, tenant: string, key: string, now: number): Promise<MailSlot> {
  const [entry] = await gates.enter(tenant, "mail", [key], slotMs, now);
  if (!entry) return { granted: false, reason: "the gate did not answer", until: now + 15_000, park: false };
  if (!entry.granted) return entry;
  const { lease } = entry;
  return { granted: true, leave: (calls) => gates.leave(tenant, "mail", [{ id: key, lease, calls }], now) };
}
