import type { SuppressionStore } from "../suppressions/store";
import type { Unsubscription } from "../suppressions/unsubscribe";
import type { MailEventStore } from "./store";

/** Suppresses the address, and counts the unsubscription for the campaign whose link was used. */
export async function unsubscribe(
  { suppressions, events }: { suppressions: Pick<SuppressionStore, "add">; events: Pick<MailEventStore, "take"> },
  { tenant, address, scope, campaign }: Unsubscription,
  now: number,
): Promise<void> {
  await suppressions.add(tenant, [{ address, scope, reason: "unsubscribe" }], now);
  await events.take(tenant, "link", [{ id: `link:${campaign ?? ""}`, kind: "unsubscribed", recipient: address }], now, { campaign });
}
