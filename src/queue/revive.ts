import type { Engine } from "./engine";
import type { Delivery } from "./run/delivery";
import { clockToleranceMs } from "./lease";
import { heldOrQueued } from "./placement";
import { revivedByKey } from "./state";
import { sendStored } from "./tick/bring-back";

/** Brings back a job that had ended when its key was sent again while the ledger was away. False: it had not ended before that. */
export async function reviveAtDelivery(
  engine: Engine,
  { envelope, acceptedWithoutLedgerAt }: Pick<Delivery, "envelope" | "acceptedWithoutLedgerAt">,
): Promise<boolean> {
  const now = engine.now();
  const place = heldOrQueued(envelope.due ?? null, now);
  const job = { tenant: envelope.tenant, id: envelope.id, endedBefore: (acceptedWithoutLedgerAt ?? 0) - clockToleranceMs };
  const rows = await engine.ledger.revive([job], { from: revivedByKey, event: "revived", boot: engine.boot, place }, now);
  await sendStored(engine, rows, now, () => place);
  return rows.length > 0;
}
