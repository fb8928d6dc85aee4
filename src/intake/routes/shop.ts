import * as v from "valibot";
import { Problem } from "../../errors";
import { csvOf, type PurchaseOrder, purchaseMail } from "../../domain/shop/purchase-orders";
import { email } from "../../jobs/email/job";
import { isMailbox } from "../../jobs/email/mailbox";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { paging, search, time } from "../query";
import { param, permits, route } from "../route";
import { orderDetailShape, ordersShape, productsShape, purchaseOrderShape, purchaseOrdersShape, supplierShape, suppliersShape } from "../shop-shapes";

const id = v.pipe(v.string(), v.regex(/^[1-9]\d{0,14}$/, "must be a number"), v.transform(Number));
const position = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{1,15}$/, "must be a cursor from an earlier answer"),
    v.transform(Number),
    v.description("From the answer before; null there means the end"),
  ),
);
const flag = v.pipe(
  v.picklist(["true", "false"], "must be true or false"),
  v.transform((text) => text === "true"),
);
const pages = { ...paging, cursor: position };
const changedAfter = v.optional(v.pipe(time, v.description("What changed here after this, in the order of its changes: go on from the last changedAt")));
const states = ["draft", "approved", "cancelled"] as const;

const orderQuery = v.strictObject({
  ...pages,
  changedAfter,
  state: v.optional(id),
  customerId: v.optional(id),
  reference: v.optional(search),
  from: v.optional(time),
  to: v.optional(time),
});

const productQuery = v.strictObject({
  ...pages,
  changedAfter,
  active: v.optional(flag),
  reference: v.optional(search),
  manufacturerId: v.optional(id),
  supplierId: v.optional(id),
});

const purchaseQuery = v.strictObject({ ...pages, state: v.optional(v.picklist(states, `must be one of ${states.join(", ")}`)), supplierId: v.optional(id) });

const supplierBody = v.strictObject({
  email: v.optional(v.nullable(v.pipe(v.string(), v.check(isMailbox, "must be an address, as ada@example.com or Ada <ada@example.com>"))), null),
  automatic: v.optional(v.boolean(), false),
});

const revealQuery = v.strictObject({
  reveal: v.optional(v.pipe(v.picklist(["0", "1"], "must be 0 or 1"), v.description("1 shows customer and addresses to an admin, and records it"))),
});

export const shopRoutes = [
  route("GET /v1/sites/:site/orders", {
    name: "listOrders",
    summary: "Orders of a shop by id, or as a feed of changes",
    scope: "read",
    tenant: "own",
    query: orderQuery,
    answers: { 200: ordersShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { cursor, customerId, ...filter } = query;
      const site = await siteOf(deps, tenant, params);
      const { items, next } = await deps.shops.orders(tenant, site, { ...filter, customer: customerId, after: cursor });
      return { status: 200, body: { orders: items, cursor: cursorOf(next) } };
    },
  }),
  route("GET /v1/sites/:site/orders/:order", {
    name: "getOrder",
    summary: "One order with payments and shipments; customer and addresses for an admin who asks",
    scope: "read",
    tenant: "own",
    query: revealQuery,
    answers: { 200: orderDetailShape },
    handle: async ({ deps, tenant, params, query, caller }) => {
      const site = await siteOf(deps, tenant, params);
      const order = await deps.shops.order(tenant, site, numberOf(params, "order"));
      if (!order) throw notFound();
      const { customer, deliveryAddress, invoiceAddress, ...open } = order;
      if (query.reveal !== "1" || !permits(caller, "admin")) return { status: 200, body: { ...open, revealed: false } };
      await deps.audit({
        tenant,
        actor: caller.kind === "token" ? caller.tokenId : caller.kind,
        action: "reveal",
        target: `${site}/order/${order.id}`,
        at: deps.now(),
      });
      return { status: 200, body: { ...open, customer, deliveryAddress, invoiceAddress, revealed: true } };
    },
  }),
  route("GET /v1/sites/:site/products", {
    name: "listProducts",
    summary: "Products of a shop by id, or as a feed of changes with those deleted",
    scope: "read",
    tenant: "own",
    query: productQuery,
    answers: { 200: productsShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { cursor, manufacturerId, supplierId, ...filter } = query;
      const site = await siteOf(deps, tenant, params);
      const wanted = { ...filter, manufacturer: manufacturerId, supplier: supplierId, after: cursor };
      const { items, next } = await deps.shops.products(tenant, site, wanted);
      return { status: 200, body: { products: items, cursor: cursorOf(next) } };
    },
  }),
  route("GET /v1/sites/:site/suppliers", {
    name: "listSuppliers",
    summary: "Suppliers of a shop, with where their purchase orders go",
    scope: "read",
    tenant: "own",
    query: v.strictObject(pages),
    answers: { 200: suppliersShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { items, next } = await deps.shops.suppliers(tenant, await siteOf(deps, tenant, params), query.cursor ?? 0, query.limit);
      return { status: 200, body: { suppliers: items, cursor: cursorOf(next) } };
    },
  }),
  route("PUT /v1/sites/:site/suppliers/:supplier", {
    name: "putSupplier",
    summary: "Where a supplier's purchase orders are mailed to, and whether without approval",
    scope: "admin",
    tenant: "own",
    body: { schema: supplierBody, limit: smallBody },
    answers: { 200: supplierShape },
    handle: async ({ deps, tenant, params, body }) => {
      const supplier = await deps.shops.putSupplier(tenant, await siteOf(deps, tenant, params), numberOf(params, "supplier"), body);
      if (!supplier) throw notFound();
      return { status: 200, body: supplier };
    },
  }),
  route("GET /v1/sites/:site/purchase-orders", {
    name: "listPurchaseOrders",
    summary: "Purchase orders of a shop, newest first",
    scope: "read",
    tenant: "own",
    query: purchaseQuery,
    answers: { 200: purchaseOrdersShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { cursor, supplierId, state, limit } = query;
      const site = await siteOf(deps, tenant, params);
      const found = await deps.shops.purchaseOrders(tenant, site, { state, supplier: supplierId, below: cursor, limit: limit + 1 });
      const kept = found.slice(0, limit);
      return { status: 200, body: { purchaseOrders: kept, cursor: found.length > limit ? cursorOf(kept.at(-1)?.id ?? null) : null } };
    },
  }),
  route("GET /v1/sites/:site/purchase-orders/:order", {
    name: "getPurchaseOrder",
    summary: "One purchase order",
    scope: "read",
    tenant: "own",
    answers: { 200: purchaseOrderShape },
    handle: async ({ deps, tenant, params }) => ({ status: 200, body: await purchase(deps, tenant, params) }),
  }),
  route("GET /v1/sites/:site/purchase-orders/:order/csv", {
    name: "getPurchaseOrderCsv",
    summary: "One purchase order as CSV",
    scope: "read",
    tenant: "own",
    answers: { 200: "text/csv" },
    handle: async ({ deps, tenant, params }) => {
      const order = await purchase(deps, tenant, params);
      const headers = { "content-type": "text/csv; charset=utf-8", "content-disposition": `attachment; filename="purchase-order-${order.id}.csv"` };
      return { status: 200, text: csvOf(order), headers };
    },
  }),
  route("POST /v1/sites/:site/purchase-orders/:order/approve", {
    name: "approvePurchaseOrder",
    summary: "Mail a draft to its supplier",
    scope: "operate",
    tenant: "own",
    answers: { 200: purchaseOrderShape },
    problems: [409, 429, 503],
    handle: async ({ deps, tenant, params }) => {
      const order = await purchase(deps, tenant, params);
      await approve(deps, tenant, param({ params }, "site"), order);
      return { status: 200, body: await purchase(deps, tenant, params) };
    },
  }),
  route("POST /v1/sites/:site/purchase-orders/:order/cancel", {
    name: "cancelPurchaseOrder",
    summary: "Drop a draft: its lines may be ordered by a later one",
    scope: "operate",
    tenant: "own",
    answers: { 200: purchaseOrderShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const order = await purchase(deps, tenant, params);
      const moved = await deps.shops.movePurchase(tenant, param({ params }, "site"), order.id, "draft", "cancelled");
      if (!moved) throw new Problem("conflict", `The purchase order is ${order.state}.`);
      return { status: 200, body: await purchase(deps, tenant, params) };
    },
  }),
];

/** Safe to repeat: the mail's key is the purchase order's. An approved one whose mail was never accepted is mailed now. */
async function approve(deps: IntakeDeps, tenant: string, site: string, order: PurchaseOrder): Promise<void> {
  const to = order.supplier.email;
  if (to === null) throw new Problem("conflict", `The supplier has no e-mail address: PUT /v1/sites/${site}/suppliers/${order.supplier.id} sets it.`);
  if (order.state === "cancelled" || order.mailJobId !== null) throw new Problem("conflict", `The purchase order is ${order.state}.`);
  if (order.state === "draft") await deps.shops.movePurchase(tenant, site, order.id, "draft", "approved");
  const [receipt] = await deps.enqueue([
    { tenant, type: email.type, payload: { to, ...purchaseMail(order, site) }, key: `purchase-order:${site}:${order.id}` },
  ]);
  if (receipt?.ok) return deps.shops.noteMail(tenant, site, order.id, receipt.id);
  throw new Problem(receipt?.code ?? "unavailable", receipt?.detail ?? "The mail was not accepted.", { retryAfter: 5 });
}

/** A site that is not there is told from one without orders. */
async function siteOf(deps: IntakeDeps, tenant: string, params: Readonly<Record<string, string>>): Promise<string> {
  const site = param({ params }, "site");
  if (await deps.sites.get(tenant, site)) return site;
  throw new Problem("not-found", "There is no such site.");
}

async function purchase(deps: IntakeDeps, tenant: string, params: Readonly<Record<string, string>>): Promise<PurchaseOrder> {
  const order = await deps.shops.purchaseOrder(tenant, param({ params }, "site"), numberOf(params, "order"));
  if (!order) throw notFound();
  return order;
}

function numberOf(params: Readonly<Record<string, string>>, name: string): number {
  const text = param({ params }, name);
  if (!/^[1-9]\d{0,14}$/.test(text)) throw notFound();
  return Number(text);
}

function notFound(): Problem {
  return new Problem("not-found", "There is no such thing.");
}

function cursorOf(next: number | null): string | null {
  return next === null ? null : String(next);
}
