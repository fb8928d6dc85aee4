import type { ShopResource, ShopRows, Stock } from "../../../providers/shop/row-types";
import type { Found } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { changedOrders, completedOrders, ordersByReference, orderWrites } from "../orders/store";
import { stockWrites } from "../products/stock";
import { productWrites, storedProducts } from "../products/store";
import { type RelatedResource, namedWrites, type Owned } from "../related-rows";
import type { SyncKind } from "../site/store";
import { grantedWrites, unreadableIds } from "../sync/unreadable";
import { readAround } from "./order-page";
import { withDetails } from "./product-page";
import { withStoredValues } from "./referenced";
import type { SyncSession } from "./session";
import { resourcesOf } from "./unreadable";

/** Rows of one step. */
const atOnce = 100;

/** Whether there are rows or resources that a run must read again. */
export function hasToReadAgain({ state }: SyncSession, kind: SyncKind): boolean {
  return state !== null && (state.hasUnreadable || resourcesOf[kind].some((resource) => state.refused.has(resource)));
}

/**
 * Reads unreadable rows again, some of one resource: their dates do not change when they become readable. Rows that were tried
 * since `since` are left out. First it requests the resources that the key could not read. Returns the statements that store the rows,
 * or null when nothing is left.
 */
export async function readAgain(
  session: SyncSession,
  kind: SyncKind,
  { since, linkVendors }: { since: number; linkVendors: boolean },
): Promise<Reply<unknown[] | null>> {
  const resources = resourcesOf[kind].filter((resource) => session.state?.refused.has(resource) && !session.notes.refused.has(resource));
  if (resources.length > 0) return askAgain(session, kind, resources);
  for (const resource of resourcesOf[kind]) {
    if (session.notes.refused.has(resource)) continue;
    const ids = await unreadableIds(session.scope, resource, since, atOnce);
    if (ids.length > 0) return kind === "orders" ? readOrderRows(session, resource, ids) : readProductRows(session, resource, ids, linkVendors);
  }
  return ok(null);
}

/** Requests refused resources; rows that were read without one are read again once the key may read it. */
async function askAgain(session: SyncSession, kind: SyncKind, resources: readonly ShopResource[]): Promise<Reply<unknown[]>> {
  const answer = await session.shop.permissions(resources, session.signal);
  if (!answer.ok) return answer;
  const { missing } = answer.value;
  for (const resource of missing) session.notes.refused.set(resource, session.state?.refused.get(resource) ?? "");
  const allowed = resources.filter((resource) => !missing.includes(resource));
  for (const resource of allowed) session.notes.allowed.add(resource);
  if (session.state && allowed.length > 0) session.state.hasUnreadable = true;
  return ok(allowed.map((resource) => grantedWrites(session.scope, kind, resource, session.now())));
}

async function readOrderRows(session: SyncSession, resource: ShopResource, ids: readonly number[]): Promise<Reply<unknown[]>> {
  if (resource === "orders") return rereadOrders(session, ids);
  if (resource === "order_payments") {
    const reply = await soundRows(session, resource, ids);
    return reply.ok
      ? rereadOrders(
          session,
          await ordersByReference(
            session.scope,
            reply.value.map(({ orderReference }) => orderReference),
          ),
        )
      : reply;
  }
  if (resource === "order_carriers") {
    const reply = await soundRows(session, resource, ids);
    return reply.ok ? rereadOrders(session, idsIn(reply.value.map(({ orderId }) => orderId))) : reply;
  }
  return readNamedRows(session, resource as RelatedResource, ids);
}

async function readProductRows(session: SyncSession, resource: ShopResource, ids: readonly number[], linkVendors: boolean): Promise<Reply<unknown[]>> {
  if (resource === "products") return rereadProducts(session, ids, linkVendors);
  if (resource === "stock_availables") {
    const readAt = session.now();
    const reply = await session.shop.find(resource, { field: "id", values: ids }, session.signal);
    return reply.ok ? ok([...stockWrites(session.scope, reply.value.rows as readonly Stock[], readAt, session.now())]) : reply;
  }
  if (resource === "manufacturers" || resource === "suppliers") return readNamedRows(session, resource, ids);
  const reply = await soundRows(session, resource as "combinations" | "product_suppliers", ids);
  if (!reply.ok) return reply;
  return rereadProducts(session, idsIn(reply.value.map(({ productId }) => productId)), linkVendors || resource === "product_suppliers");
}

/** Reads orders with their related rows. Of an order that is still unreadable and unchanged, the related rows are not requested. */
async function rereadOrders(session: SyncSession, ids: readonly number[]): Promise<Reply<unknown[]>> {
  const readAt = session.now();
  const reply = await session.shop.find("orders", { field: "id", values: ids }, session.signal);
  if (!reply.ok) return reply;
  const { rows, unreadable } = reply.value;
  const flawed = new Set(unreadable.map(({ id }) => id));
  const changed = new Set((await changedOrders(session.scope, rows, unreadable)).map(({ id }) => id));
  const orders = (await completedOrders(session.scope, rows, unreadable)).filter(({ id }) => !flawed.has(id) || changed.has(id));
  const around = await readAround(session, orders, readAt);
  return around.ok ? ok([...orderWrites(session.scope, around.value, session.now())]) : around;
}

/** Reads products again, and returns the statements that write them. */
async function rereadProducts(session: SyncSession, ids: readonly number[], linkVendors: boolean): Promise<Reply<unknown[]>> {
  const readAt = session.now();
  const reply = await session.shop.find("products", { field: "id", values: ids }, session.signal);
  if (!reply.ok) return reply;
  const { unreadable } = reply.value;
  const stored = await storedProducts(
    session.scope,
    unreadable.map(({ id }) => id),
  );
  const rows = reply.value.rows.filter(({ id }) => !stored.has(id));
  const page = await withDetails(session, { rows, unreadable }, linkVendors, readAt);
  return page.ok ? ok([...productWrites(session.scope, page.value, session.now())]) : page;
}

async function readNamedRows<R extends RelatedResource>(session: SyncSession, resource: R, ids: readonly number[]): Promise<Reply<unknown[]>> {
  const readAt = session.now();
  const reply = await session.shop.find(resource, { field: "id", values: ids }, session.signal);
  if (!reply.ok) return reply;
  const rows = await withStoredValues(session, resource, reply.value as Found<ShopRows[R]>);
  return ok([...namedWrites(session.scope, resource, rows, readAt)]);
}

/** Rows that are readable now, so that their owners are known. */
async function soundRows<R extends Owned>(session: SyncSession, resource: R, ids: readonly number[]): Promise<Reply<ShopRows[R][]>> {
  const reply = await session.shop.find(resource, { field: "id", values: ids }, session.signal);
  if (!reply.ok) return reply;
  const flawed = new Set(reply.value.unreadable.map(({ id }) => id));
  return ok(reply.value.rows.filter(({ id }) => !flawed.has(id)));
}

function idsIn(ids: readonly (number | null)[]): number[] {
  return [...new Set(ids)].filter((id) => id !== null);
}
