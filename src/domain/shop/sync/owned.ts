import type { ShopResource, ShopRows } from "../../../providers/shop/row-types";
import type { Found, Lookup } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { type Detail, details, type Owned } from "../related-rows";
import { unreadableIn } from "./notes";
import type { SyncSession } from "./session";

/** The rows of each of these owners. The stored rows stay of an owner whose rows were not returned or are unreadable. Empty for a refused resource. */
export async function readOwned<R extends Owned>(session: SyncSession, resource: R, owners: readonly (string | number)[]): Promise<Reply<Detail[]>> {
  const { field, ownerOf } = ownership[resource];
  const by = { field, values: owners } as Lookup<R>;
  const reply = await session.shop.find(resource, by, session.signal);
  if (!reply.ok) return reply;
  if (reply.value.refused) return ok([]);
  const keys = owners.map(String);
  const stored = await details(session.scope, resource, keys);
  const knownIds = [...stored.values()].flat().map(({ id }) => id);
  const missing = await failedToLoad(session, resource, by, reply.value, hasAbsent(reply.value, knownIds));
  if (!missing.ok) return missing;
  const kept = new Set([...missing.value, ...reply.value.unreadable.map(({ id }) => id)]);
  const came = Map.groupBy(reply.value.rows, ownerOf);
  return ok(keys.map((owner) => ({ resource, owner, rows: merged(came.get(owner) ?? [], stored.get(owner) ?? [], kept) })));
}

/**
 * Ids of the rows of a lookup that the shop has and failed to load. PrestaShop 8 omits them silently: where a stored row was not
 * returned (`isDoubtful`), a list of ids decides whether it was deleted.
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

/** Whether a stored row is neither among the returned rows nor known to have failed. */
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
