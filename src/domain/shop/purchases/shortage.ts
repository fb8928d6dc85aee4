import type { Combination, Order, ProductSupplier } from "../../../providers/shop/row-types";
import { type Micros, roundQuantity } from "../../../decimal";
import { details, named } from "../related-rows";
import { perChunk, siteRows, type SiteScope, siteStatement } from "../scope";

/** A line of a shop's order, or a part of it, to buy. */
interface PurchaseLine {
  supplier: number;
  /** Id of the line in the shop's order. */
  line: number;
  order: number;
  product: number;
  combination: number;
  quantity: number;
  /** Purchase price of one unit without tax, in millionths. */
  price: Micros;
  currency: string;
  reference: string;
  name: string;
}

interface Shortage {
  lines: PurchaseLine[];
  /** Short items without a supplier. */
  unassigned: { product: number; combination: number; quantity: number }[];
}

/**
 * The items in short supply. PrestaShop subtracts an order from the stock at once, so a negative quantity is the number that is missing.
 * Buys for the newest orders that are paid and not shipped, each line once; what earlier purchases cover is not bought again.
 */
export async function shortage(scope: SiteScope): Promise<Shortage> {
  const short = await siteRows<Short>(scope, shortSql);
  if (short.length === 0) return { lines: [], unassigned: [] };
  const open = await openLines(scope, new Set(short.map(itemKey)));
  const suppliers = await suppliersOf(scope, short);
  const result: Shortage = { lines: [], unassigned: [] };
  for (const item of short) {
    const lines = missingLines(item, open.get(itemKey(item)) ?? []);
    const from = suppliers(item);
    if (from) result.lines.push(...lines.map((line) => ({ ...line, ...from, product: item.product, combination: item.combination })));
    else if (lines.length > 0) result.unassigned.push({ product: item.product, combination: item.combination, quantity: totalQuantity(lines) });
  }
  return result;
}

/** Statements that create one draft a supplier, without lines that another purchase took meanwhile. No draft is created without lines. */
export function draftWrites(scope: SiteScope, job: string, lines: readonly PurchaseLine[], now: number): D1PreparedStatement[] {
  return [...Map.groupBy(lines, ({ supplier }) => supplier)].flatMap(([supplier, own]) => [
    siteStatement(scope, headSql, supplier, job, own[0]?.currency ?? "", now),
    ...perChunk(scope, linesSql, own.map(lineItem), supplier, job),
    siteStatement(scope, dropEmptySql, supplier, job),
  ]);
}

type Item = { product: number; combination: number };
type Short = Item & { quantity: number; bought: number };
type OpenLine = { line: number; order: number; quantity: number; name: string; taken: boolean };

function itemKey({ product, combination }: Item): string {
  return `${product}/${combination}`;
}

function missingLines({ quantity, bought }: Short, open: readonly OpenLine[]): Pick<PurchaseLine, "line" | "order" | "quantity" | "name">[] {
  let lacking = roundQuantity(-quantity - bought);
  const lines = [];
  for (const { taken, ...line } of open) {
    if (lacking <= 0 || taken) continue;
    const part = Math.min(line.quantity, lacking);
    lines.push({ ...line, quantity: part });
    lacking = roundQuantity(lacking - part);
  }
  return lines;
}

function totalQuantity(lines: readonly { quantity: number }[]): number {
  return roundQuantity(lines.reduce((total, { quantity }) => total + quantity, 0));
}

const pageOfOrders = 500;

/** Lines of these items in paid, unshipped orders, newest first. Read in pages; other lines are dropped. */
async function openLines(scope: SiteScope, items: ReadonlySet<string>): Promise<Map<string, OpenLine[]>> {
  const linesByItem = new Map<string, OpenLine[]>();
  for (let below = Number.MAX_SAFE_INTEGER; ;) {
    const rows = await siteRows<{ id: number; body: string; ready: number }>(scope, openSql, below, pageOfOrders);
    for (const { body, ready } of rows) {
      if (ready !== 1) continue;
      const order = JSON.parse(body) as Order;
      for (const line of order.lines) {
        const key = `${line.productId}/${line.productAttributeId ?? 0}`;
        // Nothing is bought for an unreadable line.
        if (!items.has(key) || line.id === 0 || line.quantity === null) continue;
        linesByItem.set(key, [...(linesByItem.get(key) ?? []), { line: line.id, order: order.id, quantity: line.quantity, name: line.name, taken: false }]);
      }
    }
    if (rows.length < pageOfOrders) return marked(scope, linesByItem);
    below = rows.at(-1)?.id ?? 0;
  }
}

async function marked(scope: SiteScope, found: Map<string, OpenLine[]>): Promise<Map<string, OpenLine[]>> {
  const ids = [...found.values()].flat().map(({ line }) => line);
  const purchased = new Set((await siteRows<{ line: number }>(scope, takenSql, JSON.stringify(ids))).map(({ line }) => line));
  return new Map([...found].map(([key, lines]) => [key, lines.map((line) => ({ ...line, taken: purchased.has(line.line) }))]));
}

type From = Pick<PurchaseLine, "supplier" | "price" | "currency" | "reference">;

/** The supplier of an item: the product's default supplier when it offers the item, else the first that does, else the default one. */
async function suppliersOf(scope: SiteScope, items: readonly Item[]): Promise<(item: Item) => From | undefined> {
  const ids = items.map(({ product }) => product);
  const rows = await siteRows<{ id: number; supplier: number | null; reference: string; own: number | null }>(scope, productsSql, JSON.stringify(ids));
  const products = new Map(rows.map((row) => [row.id, row]));
  const offers = await details(scope, "product_suppliers", ids);
  const combinations = await details(scope, "combinations", ids);
  const currencies = await named(scope, "currencies", [...[...offers.values()].flat().map(({ currencyId }) => currencyId), ...rows.map(({ own }) => own)]);
  return (item) => {
    const product = products.get(item.product);
    const offer = offerFor(item, offers.get(String(item.product)) ?? [], product?.supplier ?? null);
    const supplier = offer?.supplierId ?? product?.supplier ?? null;
    if (supplier === null) return undefined;
    const currency = currencies.get(offer?.currencyId ?? product?.own ?? 0)?.isoCode ?? "";
    const reference = offer?.reference || referenceOf(item, product?.reference ?? "", combinations.get(String(item.product)) ?? []);
    return { supplier, price: offer?.price ?? 0, currency, reference };
  };
}

function offerFor({ combination }: Item, offers: readonly ProductSupplier[], preferred: number | null): ProductSupplier | undefined {
  const fitting = offers.filter(({ supplierId, productAttributeId }) => supplierId !== null && [combination, 0].includes(productAttributeId ?? 0));
  const exact = fitting.toSorted((left, right) => Number(left.productAttributeId === null) - Number(right.productAttributeId === null));
  return exact.find(({ supplierId }) => supplierId === preferred) ?? exact[0];
}

function referenceOf({ combination }: Item, reference: string, combinations: readonly Combination[]): string {
  return combinations.find(({ id }) => id === combination)?.reference || reference;
}

function lineItem({ line, order, product, combination, quantity, price, reference, name }: PurchaseLine): unknown[] {
  return [line, order, product, combination, quantity, price, reference, name];
}

/** A product with combinations is stocked by them; its own row is their sum. Purchases for completed orders no longer count. */
const shortSql = `
  SELECT s.product, s.combination, s.quantity,
    (SELECT coalesce(sum(l.quantity), 0) FROM shop_purchase_lines l
      JOIN shop_orders o ON o.tenant = ?1 AND o.site = ?2 AND o.id = l.shop_order
      JOIN shop_rows r ON r.tenant = ?1 AND r.site = ?2 AND r.resource = 'order_states' AND r.id = o.state
      WHERE l.tenant = ?1 AND l.site = ?2 AND l.product = s.product AND l.combination = s.combination AND r.body ->> 'shipped' = 0 AND r.body ->> 'delivery' = 0) AS bought
  FROM shop_stock s
  WHERE s.tenant = ?1 AND s.site = ?2 AND s.quantity < 0
    AND NOT (s.combination = 0 AND EXISTS (SELECT 1 FROM shop_stock c WHERE c.tenant = ?1 AND c.site = ?2 AND c.product = s.product AND c.combination > 0))`;

const openSql = `
  SELECT o.id, o.body, coalesce(r.body ->> 'paid' = 1 AND r.body ->> 'shipped' = 0 AND r.body ->> 'delivery' = 0, 0) AS ready
  FROM shop_orders o LEFT JOIN shop_rows r ON r.tenant = ?1 AND r.site = ?2 AND r.resource = 'order_states' AND r.id = o.state
  WHERE o.tenant = ?1 AND o.site = ?2 AND o.id < ?3 AND o.deleted IS NULL ORDER BY o.id DESC LIMIT ?4`;

const takenSql = `
  SELECT l.line FROM json_each(?3) e CROSS JOIN shop_purchase_lines l ON l.tenant = ?1 AND l.site = ?2 AND l.line = e.value`;

const productsSql = `
  SELECT p.id, p.supplier, p.reference, (SELECT settings ->> 'currencyId' FROM shop_sites WHERE tenant = ?1 AND site = ?2) AS own
  FROM json_each(?3) e CROSS JOIN shop_products p ON p.tenant = ?1 AND p.site = ?2 AND p.id = e.value`;

const headSql = `
  INSERT INTO shop_purchase_orders (tenant, site, id, supplier, job, state, currency, created, updated)
  SELECT ?1, ?2, coalesce(max(id), 0) + 1, ?3, ?4, 'draft', ?5, ?6, ?6 FROM shop_purchase_orders WHERE tenant = ?1 AND site = ?2
  ON CONFLICT DO NOTHING`;

const linesSql = `
  INSERT INTO shop_purchase_lines (tenant, site, line, purchase_order, shop_order, product, combination, quantity, price, reference, name)
  SELECT ?1, ?2, e.value ->> 0, p.id, e.value ->> 1, e.value ->> 2, e.value ->> 3, e.value ->> 4, e.value ->> 5, e.value ->> 6, e.value ->> 7
  FROM shop_purchase_orders p CROSS JOIN json_each(?3) e WHERE p.tenant = ?1 AND p.site = ?2 AND p.job = ?5 AND p.supplier = ?4
  ON CONFLICT DO NOTHING`;

const dropEmptySql = `
  DELETE FROM shop_purchase_orders WHERE tenant = ?1 AND site = ?2 AND job = ?4 AND supplier = ?3 AND NOT EXISTS (
    SELECT 1 FROM shop_purchase_lines l WHERE l.tenant = ?1 AND l.site = ?2 AND l.purchase_order = shop_purchase_orders.id)`;
