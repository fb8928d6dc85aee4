import type { ShopResource, ShopRows } from "../../../providers/shop/row-types";
import type { Found, Lookup } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { type Detail, details, type Owned } from "../related-rows";
import { unreadableIn } from "./noted";
import type { SyncSession } from "./session";

/** The rows of each of these owners. Nothing is concluded from one that did not come or cannot be read: what is stored of it stays. None for a refused resource. */
export async function readOwned<R extends Owned>(session: SyncSession, resource: R, owners: readonly (string | number)[]): Promise<Reply<Detail[]>> {
  const { field, ownerOf } = ownership[resource];
  const by = { field, values: owners } as Lookup<R>;
  const found = await session.shop.find(resource, by, session.signal);
  if (!found.ok) return found;
  if (found.value.refused) return ok([]);
  const keys = owners.map(String);
  const stored = await details(session.scope, resource, keys);
  const knownIds = [...stored.values()].flat().map(({ id }) => id);
  const missing = await failedToLoad(session, resource, by, found.value, hasAbsent(found.value, knownIds));
  if (!missing.ok) return missing;
  const kept = new Set([...missing.value, ...found.value.unreadable.map(({ id }) => id)]);
  const came = Map.groupBy(found.value.rows, ownerOf);
  return ok(keys.map((owner) => ({ resource, owner, rows: merged(came.get(owner) ?? [], stored.get(owner) ?? [], kept) })));
}

/**
 * Ids of the rows that the shop has for a lookup and failed to load. 8 leaves them out without a trace: where a row that is stored did not
 * come (`isDoubtful`), a list of ids decides whether it is gone.
 */
export async function failedToLoad<R extends ShopResource>(
  session: SyncSession,
  resource: R,
  by: Lookup<R>,
  found: Found<{ id: number }>,
  isDoubtful: boolean,
): Promise<Reply<ReadonlySet<number>>> {
  if (!isDoubtful) return ok(new Set(found.missing));
  const readAt = session.now();
  const listed = await session.shop.listed(resource, by, session.signal);
  if (!listed.ok) return listed;
  const came = new Set(found.rows.map(({ id }) => id));
  const missing = listed.value.filter((id) => !came.has(id));
  const flawed = unreadableIn({ resource, found: { unreadable: [], missing, warnings: [] } });
  session.notes.reads.push({ resource, readAt, flawed, sound: [] });
  return ok(new Set([...found.missing, ...missing]));
}

/** A row that is stored is neither among those that came nor known to be missing. */
function hasAbsent(found: Found<{ id: number }>, known: readonly number[]): boolean {
  const answered = new Set([...found.rows.map(({ id }) => id), ...found.missing]);
  return known.some((id) => !answered.has(id));
}

const ownership: { [R in Owned]: { field: string; ownerOf(row: ShopRows[R]): string } } = {
  order_payments: { field: "order_reference", ownerOf: ({ orderReference }) => orderReference },
  order_carriers: { field: "id_order", ownerOf: ({ orderId }) => String(orderId) },
  combinations: { field: "id_product", ownerOf: ({ productId }) => String(productId) },
  product_suppliers: { field: "id_product", ownerOf: ({ productId }) => String(productId) },
};

function merged<Row extends { id: number }>(came: readonly Row[], stored: readonly Row[], kept: ReadonlySet<number>): Row[] {
  const last = stored.filter(({ id }) => kept.has(id));
  const own = new Set(last.map(({ id }) => id));
  return [...came.filter(({ id }) => !own.has(id)), ...last].toSorted((left, right) => left.id - right.id);
}
