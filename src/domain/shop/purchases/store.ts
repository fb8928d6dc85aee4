import { iso } from "../../../time/iso";
import { csvLine } from "../../../csv";
import { decimal, type Micros, roundQuantity, sumOf, times } from "../../../decimal";
import { siteRows, type SiteScope, siteStatement } from "../scope";

type PurchaseState = "draft" | "approved" | "cancelled";

/** A purchase order as the API shows it. */
export interface PurchaseOrder {
  id: number;
  state: PurchaseState;
  supplier: { id: number; name: string; email: string | null };
  currency: string;
  /** Without tax. */
  total: string;
  rows: PurchaseRow[];
  createdAt: string;
  updatedAt: string;
  /** `operator`, or the job that approved it by the supplier's setting. The approving side enqueues the mail. */
  approvedBy: string | null;
  /** Id of the job that mails it. */
  mailJobId: string | null;
}

/** One item, summed over the orders that it is bought for. */
export interface PurchaseRow {
  productId: number;
  productAttributeId: number;
  reference: string;
  name: string;
  quantity: number;
  unitPrice: string;
  total: string;
  orderIds: number[];
}

export interface PurchaseFilter {
  state?: PurchaseState | undefined;
  supplier?: number | undefined;
  /** The page begins below this id. */
  below?: number | undefined;
  limit: number;
}

/** Newest first. */
export async function purchaseOrders(scope: SiteScope, filter: PurchaseFilter): Promise<PurchaseOrder[]> {
  const { below = Number.MAX_SAFE_INTEGER, state = null, supplier = null, limit } = filter;
  return withRows(scope, await siteRows<Head>(scope, listSql, below, state, supplier, limit));
}

export async function purchaseOrder(scope: SiteScope, id: number): Promise<PurchaseOrder | null> {
  return (await withRows(scope, await siteRows<Head>(scope, oneSql, id)))[0] ?? null;
}

/** Drafts of a job. */
export async function draftsOf(scope: SiteScope, job: string): Promise<(PurchaseOrder & { automatic: boolean })[]> {
  const heads = await siteRows<Head>(scope, ofJobSql, job);
  const orders = await withRows(scope, heads);
  return orders.map((order, index) => ({ ...order, automatic: heads[index]?.automatic === 1 }));
}

/** False: it is no draft. */
export async function approvePurchase(scope: SiteScope, id: number, by: string, now: number): Promise<boolean> {
  const { meta } = await siteStatement(scope, approveSql, id, by, now).run();
  return meta.changes > 0;
}

/** Makes it a draft again, after its mail was not accepted. */
export async function reopenPurchase(scope: SiteScope, id: number, now: number): Promise<void> {
  await siteStatement(scope, reopenSql, id, now).run();
}

/** False: it is no draft. A later purchase order may buy its lines. */
export async function cancelPurchase(scope: SiteScope, id: number, now: number): Promise<boolean> {
  const [moved] = await scope.db.batch([siteStatement(scope, cancelSql, id, now), siteStatement(scope, freeSql, id)]);
  return (moved?.meta.changes ?? 0) > 0;
}

export async function noteMail(scope: SiteScope, id: number, mail: string): Promise<void> {
  await siteStatement(scope, "UPDATE shop_purchase_orders SET mail = ?4 WHERE tenant = ?1 AND site = ?2 AND id = ?3", id, mail).run();
}

/** CSV with one row an item. */
export function csvOf({ id, currency, rows }: PurchaseOrder): string {
  const head = ["purchase_order", "reference", "name", "product_id", "product_attribute_id", "quantity", "unit_price", "total", "currency"];
  const lines = rows.map((row) => [id, row.reference, row.name, row.productId, row.productAttributeId, row.quantity, row.unitPrice, row.total, currency]);
  return [head, ...lines].map(csvLine).join("");
}

/** The mail to the supplier. */
export function purchaseMail(order: PurchaseOrder, shop: string): { subject: string; text: string } {
  const rows = order.rows.map(({ quantity, reference, name, unitPrice }) => `${quantity} × ${reference || "–"}  ${name}  (${unitPrice} ${order.currency})`);
  return {
    subject: `Purchase order ${order.id} of ${shop}`,
    text: [`Please deliver:`, "", ...rows, "", `Total without tax: ${order.total} ${order.currency}`, "", "The same as CSV:", "", csvOf(order)].join("\n"),
  };
}

interface Head {
  id: number;
  supplier: number;
  state: PurchaseState;
  currency: string;
  created: number;
  updated: number;
  mail: string | null;
  approved_by: string | null;
  name: string | null;
  email: string | null;
  automatic: number | null;
}

interface Line {
  purchase_order: number;
  shop_order: number;
  product: number;
  combination: number;
  quantity: number;
  price: Micros;
  reference: string;
  name: string;
}

async function withRows(scope: SiteScope, heads: readonly Head[]): Promise<PurchaseOrder[]> {
  const lines = heads.length === 0 ? [] : await siteRows<Line>(scope, linesSql, JSON.stringify(heads.map(({ id }) => id)));
  const byOrder = Map.groupBy(lines, (line) => line.purchase_order);
  return heads.map((head) => purchaseOrderFrom(head, byOrder.get(head.id) ?? []));
}

function purchaseOrderFrom(
  { id, state, supplier, name, email, currency, created, updated, approved_by: approvedBy, mail }: Head,
  lines: readonly Line[],
): PurchaseOrder {
  const rows = [...Map.groupBy(lines, ({ product, combination }) => `${product}/${combination}`).values()].map(purchaseRow);
  const total = sumOf(lines.map(({ quantity, price }) => times(quantity, price)));
  return {
    id,
    state,
    supplier: { id: supplier, name: name ?? "", email },
    currency,
    total: decimal(total),
    rows,
    createdAt: iso(created),
    updatedAt: iso(updated),
    approvedBy,
    mailJobId: mail,
  };
}

function purchaseRow(lines: readonly Line[]): PurchaseRow {
  const [first] = lines as [Line, ...Line[]];
  const quantity = roundQuantity(lines.reduce((sum, line) => sum + line.quantity, 0));
  return {
    productId: first.product,
    productAttributeId: first.combination,
    reference: first.reference,
    name: first.name,
    quantity,
    unitPrice: decimal(first.price),
    total: decimal(times(quantity, first.price)),
    orderIds: [...new Set(lines.map((line) => line.shop_order))].toSorted((left, right) => left - right),
  };
}

const approveSql = `
  UPDATE shop_purchase_orders SET state = 'approved', approved_by = ?4, updated = ?5 WHERE tenant = ?1 AND site = ?2 AND id = ?3 AND state = 'draft'`;
const reopenSql = `
  UPDATE shop_purchase_orders SET state = 'draft', approved_by = NULL, updated = ?4
  WHERE tenant = ?1 AND site = ?2 AND id = ?3 AND state = 'approved' AND mail IS NULL`;
const cancelSql = `
  UPDATE shop_purchase_orders SET state = 'cancelled', updated = ?4 WHERE tenant = ?1 AND site = ?2 AND id = ?3 AND state = 'draft'`;
const freeSql = `
  DELETE FROM shop_purchase_lines WHERE tenant = ?1 AND site = ?2 AND purchase_order = ?3 AND EXISTS (
    SELECT 1 FROM shop_purchase_orders p WHERE p.tenant = ?1 AND p.site = ?2 AND p.id = ?3 AND p.state = 'cancelled')`;

const heads = `
  SELECT p.id, p.supplier, p.state, p.currency, p.created, p.updated, p.approved_by, p.mail, r.body ->> 'name' AS name, s.email, s.automatic
  FROM shop_purchase_orders p
  LEFT JOIN shop_rows r ON r.tenant = ?1 AND r.site = ?2 AND r.resource = 'suppliers' AND r.id = p.supplier
  LEFT JOIN shop_supplier_settings s ON s.tenant = ?1 AND s.site = ?2 AND s.supplier = p.supplier
  WHERE p.tenant = ?1 AND p.site = ?2`;

const listSql = `${heads} AND p.id < ?3 AND (?4 IS NULL OR p.state = ?4) AND (?5 IS NULL OR p.supplier = ?5) ORDER BY p.id DESC LIMIT ?6`;
const oneSql = `${heads} AND p.id = ?3`;
const ofJobSql = `${heads} AND p.job = ?3 ORDER BY p.id`;

const linesSql = `
  SELECT l.purchase_order, l.shop_order, l.product, l.combination, l.quantity, l.price, l.reference, l.name
  FROM json_each(?3) e CROSS JOIN shop_purchase_lines l ON l.tenant = ?1 AND l.site = ?2 AND l.purchase_order = e.value ORDER BY l.line`;
