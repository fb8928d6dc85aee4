import type { Engine } from "./engine";
import { orTrouble } from "./or-trouble";
import type { Prepared } from "./prepared";
import { keyOf } from "./ref";

/**
 * Our own keys once lay among those of senders. A job that was accepted under such an id keeps it, for as long as its row is kept;
 * what a sender put there is another job, since its fingerprint differs. Without the ledger every job has its new id.
 */
export async function keepFormerIds(engine: Engine, all: readonly Prepared[]): Promise<void> {
  const sought = all.flatMap((each) => (each.formerId === undefined ? [] : [{ each, ref: { tenant: each.row.tenant, id: each.formerId, fp: each.row.fp } }]));
  if (sought.length === 0) return;
  const former = await orTrouble(engine, "ledger", () => engine.ledger.former(sought.map(({ ref }) => ref)));
  const found = new Set(former?.map(keyOf));
  for (const { each, ref } of sought) if (found.has(keyOf(ref))) rename(each, ref.id);
}

function rename(prepared: Prepared, id: string): void {
  prepared.id = id;
  prepared.envelope.id = id;
  prepared.row.id = id;
}
