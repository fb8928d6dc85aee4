import type { Engine } from "../engine";
import { orTrouble } from "../or-trouble";
import type { Prepared } from "./prepared";
import { keyOf } from "../ref";

/**
 * Gives jobs with the product's own keys the id of an earlier release, if a row has it. In that release such a key could equal a sender's key: a
 * sender's job under the same id has another fingerprint and stays as it is. While the ledger is away every job gets its new id.
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
