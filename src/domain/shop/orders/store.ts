import type { Order } from "../../../providers/shop/row-types";
import type { Unreadable } from "../../../providers/shop/shop";
import { changeNumberSql, takeNumbers } from "../change-numbers";
import type { SomeNamed } from "../related-rows";
import { allNamedWrites, type Detail, detailItem, detailWrites } from "../related-rows";
import { perChunk, siteRows, type SiteScope } from "../scope";
import { minuteMs } from "../../../time/day";

/** One page of orders with their related rows. */
export interface OrderPage {
  orders: readonly Order[];
  named: SomeNamed;
  details: readonly Detail[];
  /** When the page's request was sent. Milliseconds. */
  readAt: number;
}

/** Statements that store a page; they commit with the cursor. A newer stored row stays; changes add events. */
export function orderWrites(scope: SiteScope, page: OrderPage, now: number): D1PreparedStatement[] {
  const { orders, readAt } = page;
  if (orders.length === 0) return [];
  const items = orders.map((order, index) => orderItem(order, index + 1));
  return [
    takeNumbers(scope, orders.length, now),
    ...perChunk(scope, createdSql, items, now),
    ...perChunk(scope, statusSql, items, now, readAt),
    ...perChunk(scope, upsertSql, items, readAt, orders.length),
    ...perChunk(scope, bumpSql, detailItems(page), readAt, orders.length),
    ...allNamedWrites(scope, page.named, readAt),
    ...detailWrites(scope, page.details, readAt),
  ];
}

/** The orders of these that differ from the stored ones, or are stored as deleted: only their related rows must be read. */
export async function changedOrders(scope: SiteScope, orders: readonly Order[], unreadable: readonly Unreadable[] = []): Promise<Order[]> {
  const storedById = await storedOrders(scope, orders);
  return completed(orders, unreadable, storedById).filter((order) => {
    const stored = storedById.get(order.id);
    return !stored || stored.deleted !== null || stored.body !== JSON.stringify(order);
  });
}

/** These orders; an unreadable field keeps its stored value. */
export async function completedOrders(scope: SiteScope, orders: readonly Order[], unreadable: readonly Unreadable[]): Promise<Order[]> {
  return completed(orders, unreadable, unreadable.length === 0 ? new Map() : await storedOrders(scope, orders));
}

interface StoredOrder {
  id: number;
  body: string;
  deleted: number | null;
}

async function storedOrders(scope: SiteScope, orders: readonly Order[]): Promise<Map<number, StoredOrder>> {
  const rows = orders.length === 0 ? [] : await siteRows<StoredOrder>(scope, knownSql, JSON.stringify(orders.map(({ id }) => id)));
  return new Map(rows.map((row) => [row.id, row]));
}

function completed(orders: readonly Order[], unreadable: readonly Unreadable[], known: ReadonlyMap<number, StoredOrder>): Order[] {
  if (unreadable.length === 0) return [...orders];
  return orders.map((order) => {
    const body = known.get(order.id)?.body;
    return withKnown(order, unreadable, body === undefined ? undefined : (JSON.parse(body) as Order));
  });
}

/** The row with the stored value of each unreadable field. */
export function withKnown<Row extends { id: number }>(row: Row, unreadable: readonly Unreadable[], known: Row | undefined): Row {
  const fields = unreadable.find(({ id }) => id === row.id)?.fields.filter((field) => field !== "lines") ?? [];
  const values = known as Record<string, unknown> | undefined;
  return values ? { ...row, ...Object.fromEntries(fields.map((field) => [field, values[field] ?? null])) } : row;
}

export async function ordersByReference(scope: SiteScope, references: readonly string[]): Promise<number[]> {
  return (await siteRows<{ id: number }>(scope, byReferenceSql, JSON.stringify(references))).map(({ id }) => id);
}

export async function firstOrder(scope: SiteScope): Promise<number | null> {
  return (await siteRows<{ id: number }>(scope, firstSql))[0]?.id ?? null;
}

/** Details, each with its order of the page and that order's index. */
function detailItems({ orders, details }: OrderPage): unknown[][] {
  return details.flatMap((detail) => {
    const index = orders.findIndex(({ id, reference }) => detail.owner === (detail.resource === "order_payments" ? reference : String(id)));
    return index < 0 ? [] : [[index + 1, orders[index]?.id, ...detailItem(detail)]];
  });
}

function orderItem(order: Order, nth: number): unknown[] {
  const { id, dateUpd, dateUpdAmbiguous, dateAdd, reference, stateId, customerId } = order;
  return [nth, id, dateUpd, dateUpdAmbiguous ? 1 : 0, dateAdd, reference, stateId, customerId, JSON.stringify(order)];
}

/**
 * Whether `e` (an item) is newer than `o` (stored). Dates have whole seconds, may be absent, and are ambiguous in the hour that a clock
 * change repeats: then the row that was requested later is newer.
 */
const newer = (readAt: string) => `(
  e.value ->> 2 > o.upd
  OR ((e.value ->> 2 IS o.upd OR e.value ->> 2 IS NULL OR o.upd IS NULL OR e.value ->> 3 = 1 OR o.vague = 1) AND ${readAt} >= o.read_at)
)`;

const iso = (ms: string) => `strftime('%Y-%m-%dT%H:%M:%SZ', ${ms} / 1000, 'unixepoch')`;

const data = (previous: string) => `json_object(
  'siteId', ?2, 'orderId', e.value ->> 1, 'reference', e.value ->> 5, 'stateId', e.value ->> 6, 'previousStateId', ${previous},
  'customerId', coalesce(e.value ->> 7, 0), 'dateAdd', ${iso("e.value ->> 4")}, 'dateUpd', ${iso("e.value ->> 2")}`;

/**
 * Orders from before the shop was connected are history and publish no event: a first sync of 10,000 orders publishes none.
 * An order that is first read later publishes one unless it is older by more than clocks differ and placing an order takes:
 * a wider window finds old orders, too. An order without a date is history until the first sync has ended. Milliseconds.
 */
const historyMarginMs = 10 * minuteMs;
const createdSql = `
  INSERT INTO shop_events (tenant, site, id, type, at, data)
  SELECT ?1, ?2, 'order/' || (e.value ->> 1) || '/created', 'order.created', ?4,
    ${data("NULL")})
  FROM json_each(?3) e CROSS JOIN shop_sites s ON s.tenant = ?1 AND s.site = ?2
  LEFT JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.id IS NULL AND coalesce(e.value ->> 4, iif(s.orders_to IS NULL, 0, ?4)) > s.connected - iif(s.orders_to IS NULL, 1000, ${historyMarginMs}) ON CONFLICT DO NOTHING`;

const statusSql = `
  INSERT INTO shop_events (tenant, site, id, type, at, data)
  SELECT ?1, ?2, 'order/' || (e.value ->> 1) || '/state/' || coalesce(e.value ->> 6, 0) || '/' || CAST(coalesce(e.value ->> 2, ?4) AS INTEGER), 'order.status_changed', ?4,
    ${data("o.state")})
  FROM json_each(?3) e CROSS JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.state IS NOT e.value ->> 6 AND ${newer("?5")} ON CONFLICT DO NOTHING`;

const upsertSql = `
  INSERT INTO shop_orders (tenant, site, id, changed, read_at, upd, vague, added, reference, state, customer, body)
  SELECT ?1, ?2, e.value ->> 1, ${changeNumberSql("(e.value ->> 0)", "?5")}, ?4, e.value ->> 2, e.value ->> 3, e.value ->> 4, e.value ->> 5,
    e.value ->> 6, e.value ->> 7, e.value ->> 8
  FROM json_each(?3) e LEFT JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.id IS NULL OR ((o.body <> e.value ->> 8 OR o.deleted IS NOT NULL) AND ${newer("?4")})
  ON CONFLICT DO UPDATE SET changed = excluded.changed, read_at = excluded.read_at, upd = excluded.upd, vague = excluded.vague,
    added = excluded.added, reference = excluded.reference, state = excluded.state, customer = excluded.customer, deleted = NULL, body = excluded.body`;

/** Records a change of an order whose payments or shipments changed. */
const bumpSql = `
  UPDATE shop_orders SET changed = ${changeNumberSql("t.nth", "?5")}
  FROM (
    SELECT DISTINCT e.value ->> 1 AS id, e.value ->> 0 AS nth FROM json_each(?3) e
    CROSS JOIN shop_details d ON d.tenant = ?1 AND d.site = ?2 AND d.resource = e.value ->> 2 AND d.owner = e.value ->> 3
    WHERE d.body <> e.value ->> 4 AND d.read_at <= ?4
  ) t WHERE shop_orders.tenant = ?1 AND shop_orders.site = ?2 AND shop_orders.id = t.id`;

const knownSql = `
  SELECT o.id, o.body, o.deleted FROM json_each(?3) e CROSS JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value`;

/** There is no index by reference: only rows that became readable are searched by it. */
const byReferenceSql = "SELECT id FROM shop_orders WHERE tenant = ?1 AND site = ?2 AND reference IN (SELECT value FROM json_each(?3))";

const firstSql = "SELECT id FROM shop_orders WHERE tenant = ?1 AND site = ?2 AND deleted IS NULL ORDER BY id LIMIT 1";
