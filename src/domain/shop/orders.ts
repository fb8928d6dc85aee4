import type { Order } from "../../providers/shop/rows";
import { numberOf, takeNumbers } from "./changes";
import type { SomeNamed } from "./look-up";
import { allNamedWrites, type Detail, detailWrites } from "./rows";
import { each, rowsOf, type Scope } from "./scope";

/** One page of orders with what an order page shows besides. */
export interface OrderPage {
  orders: readonly Order[];
  named: SomeNamed;
  details: readonly Detail[];
  /** When the page's request was sent. Milliseconds. */
  readAt: number;
}

/** Statements that store a page, to commit with the cursor behind it. A row that is already newer stays; events come from what changes. */
export function orderWrites(scope: Scope, page: OrderPage, now: number): D1PreparedStatement[] {
  const { orders, readAt } = page;
  if (orders.length === 0) return [];
  const items = orders.map((order, index) => orderItem(order, index + 1));
  return [
    takeNumbers(scope, orders.length, now),
    ...each(scope, createdSql, items, now),
    ...each(scope, statusSql, items, now, readAt),
    ...each(scope, upsertSql, items, readAt, orders.length),
    ...allNamedWrites(scope, page.named, readAt),
    ...detailWrites(scope, page.details, readAt),
  ];
}

/** Which of these orders are not stored as they are: only of them the rest is worth asking for. */
export async function changedOrders(scope: Scope, orders: readonly Order[]): Promise<Order[]> {
  if (orders.length === 0) return [];
  const rows = await rowsOf<{ id: number; body: string }>(scope, knownSql, JSON.stringify(orders.map(({ id }) => id)));
  const known = new Map(rows.map(({ id, body }) => [id, body]));
  return orders.filter((order) => known.get(order.id) !== JSON.stringify(order));
}

function orderItem(order: Order, nth: number): unknown[] {
  const { id, dateUpd, dateUpdAmbiguous, dateAdd, reference, stateId, customerId } = order;
  return [nth, id, dateUpd, dateUpdAmbiguous ? 1 : 0, dateAdd, reference, stateId, customerId, JSON.stringify(order)];
}

/**
 * Whether `e` (an item) is newer than `o` (stored). Dates have whole seconds, may be absent, and mean little in the hour that a clock
 * change repeats: then what was asked for later is newer.
 */
const newer = (readAt: string) => `(
  e.value ->> 2 > o.upd
  OR ((e.value ->> 2 IS o.upd OR e.value ->> 2 IS NULL OR o.upd IS NULL OR e.value ->> 3 = 1 OR o.vague = 1) AND ${readAt} >= o.read_at)
)`;

const iso = (ms: string) => `strftime('%Y-%m-%dT%H:%M:%SZ', ${ms} / 1000, 'unixepoch')`;

const data = (previous: string) => `json_object(
  'siteId', ?2, 'orderId', e.value ->> 1, 'reference', e.value ->> 5, 'stateId', e.value ->> 6, 'previousStateId', ${previous},
  'customerId', e.value ->> 7, 'dateAdd', ${iso("e.value ->> 4")}, 'dateUpd', ${iso("e.value ->> 2")}`;

/**
 * An order from before the shop was connected is history, and nobody is told of it: a first import of ten thousand orders announces none.
 * One without a date is history until the first sync has ended.
 */
const createdSql = `
  INSERT INTO shop_events (tenant, site, id, type, at, data)
  SELECT ?1, ?2, 'order/' || (e.value ->> 1) || '/created', 'order.created', ?4,
    ${data("NULL")})
  FROM json_each(?3) e CROSS JOIN shop_sites s ON s.tenant = ?1 AND s.site = ?2
  LEFT JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.id IS NULL AND coalesce(e.value ->> 4, iif(s.orders_to IS NULL, 0, ?4)) >= s.connected ON CONFLICT DO NOTHING`;

const statusSql = `
  INSERT INTO shop_events (tenant, site, id, type, at, data)
  SELECT ?1, ?2, 'order/' || (e.value ->> 1) || '/state/' || coalesce(e.value ->> 6, 0) || '/' || coalesce(e.value ->> 2, ?4), 'order.status_changed', ?4,
    ${data("o.state")})
  FROM json_each(?3) e CROSS JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.state IS NOT e.value ->> 6 AND ${newer("?5")} ON CONFLICT DO NOTHING`;

const upsertSql = `
  INSERT INTO shop_orders (tenant, site, id, changed, read_at, upd, vague, added, reference, state, customer, body)
  SELECT ?1, ?2, e.value ->> 1, ${numberOf("(e.value ->> 0)", "?5")}, ?4, e.value ->> 2, e.value ->> 3, e.value ->> 4, e.value ->> 5,
    e.value ->> 6, e.value ->> 7, e.value ->> 8
  FROM json_each(?3) e LEFT JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.id IS NULL OR (o.body <> e.value ->> 8 AND ${newer("?4")})
  ON CONFLICT DO UPDATE SET changed = excluded.changed, read_at = excluded.read_at, upd = excluded.upd, vague = excluded.vague,
    added = excluded.added, reference = excluded.reference, state = excluded.state, customer = excluded.customer, body = excluded.body`;

const knownSql = `
  SELECT o.id, o.body FROM json_each(?3) e CROSS JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value`;
