import { decimal, type Micros, roundQuantity, sumOf, times } from "../../../decimal";
import { iso } from "../../../time/iso";
import { type SiteScope, siteRows } from "../scope";
import type { PurchaseFilter, PurchaseOrder, PurchaseRow, PurchaseState } from "./model";

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
