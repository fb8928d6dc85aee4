import * as v from "valibot";
import { outputList } from "../../bounded";
import { type Code, Problem } from "../../errors";
import { csvOf, type PurchaseOrder, purchaseMail, purchaseOrderShape, purchaseStates } from "../../domain/shop/purchases/model";
import { purchaseOrder, purchaseOrders } from "../../domain/shop/purchases/queries";
import { approvePurchase, cancelPurchase, noteMail, reopenPurchase } from "../../domain/shop/purchases/store";
import type { SiteScope } from "../../domain/shop/scope";
import { email } from "../../jobs/email/job";
import type { EnqueueRequest } from "../../queue/request";
import type { IntakeDeps } from "../deps";
import { param, route } from "../route";
import { cursor } from "../shapes";
import { cursorOf, shopRowNotFound, numberParam, shopId, shopPaging, siteScope } from "../shop-query";

export const purchaseOrdersShape = v.object({ purchaseOrders: outputList(purchaseOrderShape), cursor });

const purchaseQuery = v.strictObject({
  ...shopPaging,
  state: v.optional(v.picklist(purchaseStates, `must be one of ${purchaseStates.join(", ")}`)),
  supplierId: v.optional(shopId),
});

export const purchaseOrderRoutes = [
  route("GET /v1/sites/:site/purchase-orders", {
    name: "listPurchaseOrders",
    summary: "Purchase orders of a shop, newest first",
    scope: "read",
    query: purchaseQuery,
    answers: { 200: purchaseOrdersShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { cursor, supplierId, state, limit } = query;
      const scope = await siteScope(deps, tenant, params);
      const found = await purchaseOrders(scope, { state, supplier: supplierId, below: cursor?.after, limit: limit + 1 });
      const kept = found.slice(0, limit);
      return { status: 200, body: { purchaseOrders: kept, cursor: found.length > limit ? cursorOf(kept.at(-1)?.id ?? null) : null } };
    },
  }),
  route("GET /v1/sites/:site/purchase-orders/:order", {
    name: "getPurchaseOrder",
    summary: "One purchase order",
    scope: "read",
    answers: { 200: purchaseOrderShape },
    handle: async ({ deps, tenant, params }) => ({ status: 200, body: await purchase(deps, tenant, params) }),
  }),
  route("GET /v1/sites/:site/purchase-orders/:order/csv", {
    name: "getPurchaseOrderCsv",
    summary: "One purchase order as CSV",
    scope: "read",
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
    answers: { 200: purchaseOrderShape },
    problems: [409, 429, 503],
    handle: async ({ deps, tenant, params }) => {
      const order = await purchase(deps, tenant, params);
      await approve(deps, scopeIn(deps, tenant, params), order);
      return { status: 200, body: await purchase(deps, tenant, params) };
    },
  }),
  route("POST /v1/sites/:site/purchase-orders/:order/cancel", {
    name: "cancelPurchaseOrder",
    summary: "Drop a draft: its lines may be ordered by a later one",
    scope: "operate",
    answers: { 200: purchaseOrderShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const order = await purchase(deps, tenant, params);
      const moved = await cancelPurchase(scopeIn(deps, tenant, params), order.id, deps.now());
      if (!moved) throw new Problem("conflict", `The purchase order is ${order.state}.`);
      return { status: 200, body: await purchase(deps, tenant, params) };
    },
  }),
];

/** Approves a draft and enqueues its mail. Safe to repeat: the mail's key is derived from the purchase order, and an approved one without a mail gets it now. */
async function approve(deps: Pick<IntakeDeps, "enqueue" | "now">, scope: SiteScope, order: PurchaseOrder): Promise<void> {
  const { tenant, site } = scope;
  const to = order.supplier.email;
  if (to === null) throw new Problem("conflict", `The supplier has no e-mail address: PUT /v1/sites/${site}/suppliers/${order.supplier.id} sets it.`);
  const moved = order.state === "draft" && (await approvePurchase(scope, order.id, "operator", deps.now()));
  const isOurs = moved || (order.state === "approved" && order.approvedBy === "operator" && order.mailJobId === null);
  if (!isOurs) throw new Problem("conflict", order.state === "draft" ? "The purchase order is no longer a draft." : `The purchase order is ${order.state}.`);
  const [receipt] = await deps.enqueue([{ tenant, type: email.type, payload: { to, ...purchaseMail(order, site) }, ...purchaseKey(site, order.id) }]);
  if (receipt?.ok) return noteMail(scope, order.id, receipt.id);
  // When the mail can never be sent, the order goes back to draft: otherwise it could be neither mailed nor cancelled.
  if (receipt && !passing.includes(receipt.code)) await reopenPurchase(scope, order.id, deps.now());
  throw new Problem(receipt?.code ?? "unavailable", receipt?.detail ?? "The mail was not accepted.", { retryAfter: 5 });
}

/** Refusals after which a later try may succeed. */
const passing: readonly Code[] = ["unavailable", "too-many-requests", "internal"];

function purchaseKey(site: string, id: number): Pick<EnqueueRequest, "own" | "formerKey"> {
  return { own: ["purchase-order", site, String(id)], formerKey: `purchase-order:${site}:${id}` };
}

async function purchase(deps: IntakeDeps, tenant: string, params: Readonly<Record<string, string>>): Promise<PurchaseOrder> {
  const order = await purchaseOrder(scopeIn(deps, tenant, params), numberParam(params, "order"));
  if (!order) throw shopRowNotFound();
  return order;
}

function scopeIn({ db }: IntakeDeps, tenant: string, params: Readonly<Record<string, string>>): SiteScope {
  return { db, tenant, site: param({ params }, "site") };
}
