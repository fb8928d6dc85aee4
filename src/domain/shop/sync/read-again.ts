import type { ShopResource, ShopRows, Stock } from "../../../providers/shop/rows";
import type { Found } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { believable } from "./referenced";
import { readAround } from "./order-page";
import { withDetails } from "./product-page";
import type { Named, Owned } from "../related-rows";
import type { SyncKind } from "../site/store";
import { resourcesOf } from "./unreadable";
import type { Visit, VisitContext } from "./session";

/** Rows that one step looks at. */
const atOnce = 100;

/** Whether there is something that a run looks at once more. */
export function hasToReadAgain({ state }: Visit, kind: SyncKind): boolean {
  return state !== null && (state.hasUnreadable || resourcesOf[kind].some((resource) => state.refused.has(resource)));
}

/**
 * Looks once more at rows that could not be read, some of one resource: their dates say nothing of when they can be read. Those that were
 * looked at since `since` are left out. Before them it asks for what the key could not read. Returns the statements that store what came,
 * and null when nothing is left.
 */
export async function readAgain(
  context: VisitContext,
  visit: Visit,
  kind: SyncKind,
  { since, linkVendors }: { since: number; linkVendors: boolean },
): Promise<Reply<unknown[] | null>> {
  const refused = resourcesOf[kind].filter((resource) => visit.state?.refused.has(resource) && !visit.notes.refused.has(resource));
  if (refused.length > 0) return askAgain(context, visit, kind, refused);
  for (const resource of resourcesOf[kind]) {
    if (visit.notes.refused.has(resource)) continue;
    const ids = await visit.data.unreadableIds(resource, since, atOnce);
    if (ids.length > 0) return kind === "orders" ? readOrderRows(context, visit, resource, ids) : readProductRows(context, visit, resource, ids, linkVendors);
  }
  return ok(null);
}

/** Rows that were read without a resource are read again once the key may read it. */
async function askAgain(context: VisitContext, visit: Visit, kind: SyncKind, resources: readonly ShopResource[]): Promise<Reply<unknown[]>> {
  const answer = await visit.shop.permissions(resources, context.signal);
  if (!answer.ok) return answer;
  const { missing } = answer.value;
  for (const resource of missing) visit.notes.refused.set(resource, visit.state?.refused.get(resource) ?? "");
  const allowed = resources.filter((resource) => !missing.includes(resource));
  for (const resource of allowed) visit.notes.allowed.add(resource);
  if (visit.state && allowed.length > 0) visit.state.hasUnreadable = true;
  return ok(allowed.map((resource) => visit.data.grantedWrites(kind, resource, context.now())));
}

async function readOrderRows(context: VisitContext, visit: Visit, resource: ShopResource, ids: readonly number[]): Promise<Reply<unknown[]>> {
  if (resource === "orders") return rereadOrders(context, visit, ids);
  if (resource === "order_payments") {
    const found = await soundRows(context, visit, resource, ids);
    return found.ok ? rereadOrders(context, visit, await visit.data.ordersByReference(found.value.map(({ orderReference }) => orderReference))) : found;
  }
  if (resource === "order_carriers") {
    const found = await soundRows(context, visit, resource, ids);
    return found.ok ? rereadOrders(context, visit, idsIn(found.value.map(({ orderId }) => orderId))) : found;
  }
  return readNamedRows(context, visit, resource as Named, ids);
}

async function readProductRows(
  context: VisitContext,
  visit: Visit,
  resource: ShopResource,
  ids: readonly number[],
  linkVendors: boolean,
): Promise<Reply<unknown[]>> {
  if (resource === "products") return rereadProducts(context, visit, ids, linkVendors);
  if (resource === "stock_availables") {
    const readAt = context.now();
    const found = await visit.shop.find(resource, { field: "id", values: ids }, context.signal);
    return found.ok ? ok([...visit.data.stockWrites(found.value.rows as readonly Stock[], readAt, context.now())]) : found;
  }
  if (resource === "manufacturers" || resource === "suppliers") return readNamedRows(context, visit, resource, ids);
  const found = await soundRows(context, visit, resource as "combinations" | "product_suppliers", ids);
  if (!found.ok) return found;
  return rereadProducts(context, visit, idsIn(found.value.map(({ productId }) => productId)), linkVendors || resource === "product_suppliers");
}

/** Orders with all that belongs to them; of one that is still flawed nothing more is asked, unless it is not stored like that. */
async function rereadOrders(context: VisitContext, visit: Visit, ids: readonly number[]): Promise<Reply<unknown[]>> {
  const readAt = context.now();
  const found = await visit.shop.find("orders", { field: "id", values: ids }, context.signal);
  if (!found.ok) return found;
  const { rows, unreadable } = found.value;
  const flawed = new Set(unreadable.map(({ id }) => id));
  const changed = new Set((await visit.data.changedOrders(rows, unreadable)).map(({ id }) => id));
  const orders = (await visit.data.completed(rows, unreadable)).filter(({ id }) => !flawed.has(id) || changed.has(id));
  const around = await readAround(context, visit, orders, readAt);
  return around.ok ? ok([...visit.data.orderWrites(around.value, context.now())]) : around;
}

/** The same of products. */
async function rereadProducts(context: VisitContext, visit: Visit, ids: readonly number[], linkVendors: boolean): Promise<Reply<unknown[]>> {
  const readAt = context.now();
  const found = await visit.shop.find("products", { field: "id", values: ids }, context.signal);
  if (!found.ok) return found;
  const { unreadable } = found.value;
  const stored = await visit.data.storedProducts(unreadable.map(({ id }) => id));
  const rows = found.value.rows.filter(({ id }) => !stored.has(id));
  const page = await withDetails(context, visit, { rows, unreadable }, linkVendors, readAt);
  return page.ok ? ok([...visit.data.productWrites(page.value, context.now())]) : page;
}

async function readNamedRows<R extends Named>(context: VisitContext, visit: Visit, resource: R, ids: readonly number[]): Promise<Reply<unknown[]>> {
  const readAt = context.now();
  const found = await visit.shop.find(resource, { field: "id", values: ids }, context.signal);
  if (!found.ok) return found;
  const rows = await believable(visit, resource, found.value as Found<ShopRows[R]>);
  return ok([...visit.data.namedWrites(resource, rows, readAt)]);
}

/** Those that can be read now: whose they are is known. */
async function soundRows<R extends Owned>(context: VisitContext, visit: Visit, resource: R, ids: readonly number[]): Promise<Reply<ShopRows[R][]>> {
  const found = await visit.shop.find(resource, { field: "id", values: ids }, context.signal);
  if (!found.ok) return found;
  const flawed = new Set(found.value.unreadable.map(({ id }) => id));
  return ok(found.value.rows.filter(({ id }) => !flawed.has(id)));
}

function idsIn(ids: readonly (number | null)[]): number[] {
  return [...new Set(ids)].filter((id) => id !== null);
}
