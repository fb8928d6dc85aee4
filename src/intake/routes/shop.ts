import * as v from "valibot";
import { mailbox } from "../../domain/mail/mailbox";
import { listOrders, orderDetail } from "../../domain/shop/orders/queries";
import { listProducts } from "../../domain/shop/products/queries";
import { listProductTexts } from "../../domain/shop/products/texts";
import { listSuppliers, putSupplier } from "../../domain/shop/purchases/suppliers";
import { isRevealed } from "../audit";
import { smallBody } from "../body";
import { revealing, search, time } from "../query";
import { route } from "../route";
import { cursorOf, queryFlag, shopRowNotFound, numberParam, shopId, shopPaging, siteScope } from "../shop-query";
import { orderDetailShape, ordersShape, productsShape, productTextsShape, supplierShape, suppliersShape } from "../shop-shapes";

const changedAfter = v.optional(v.pipe(time, v.description("Rows that changed after this, in the order of their changes: continue with the last changedAt")));

const orderQuery = v.strictObject({
  ...shopPaging,
  changedAfter,
  state: v.optional(shopId),
  customerId: v.optional(shopId),
  reference: v.optional(search),
  q: v.optional(v.pipe(search, v.description("Part of the reference or of the id, in any case"))),
  from: v.optional(time),
  to: v.optional(time),
});

const productQuery = v.strictObject({
  ...shopPaging,
  changedAfter,
  active: v.optional(queryFlag),
  reference: v.optional(search),
  q: v.optional(v.pipe(search, v.description("Part of the name, the reference or the id, in any case"))),
  manufacturerId: v.optional(shopId),
  supplierId: v.optional(shopId),
});

const supplierQuery = v.strictObject({ ...shopPaging, active: v.optional(queryFlag) });

const supplierBody = v.strictObject({
  email: v.optional(v.nullable(mailbox), null),
  automatic: v.optional(v.boolean(), false),
});

const revealQuery = revealing("customer and addresses");

export const shopRoutes = [
  route("GET /v1/sites/:site/orders", {
    name: "listOrders",
    summary: "Orders of a shop by id, or as a feed of changes",
    description: "With `changedAfter` the list is a feed: each order again when it changes.",
    scope: "read",
    query: orderQuery,
    answers: { 200: ordersShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { customerId, ...filter } = query;
      const scope = await siteScope(deps, tenant, params);
      const { where, inFeed } = placeOf(filter);
      const { items, next } = await listOrders(scope, { ...where, customer: customerId });
      return { status: 200, body: { orders: items, cursor: cursorOf(next, inFeed) } };
    },
  }),
  route("GET /v1/sites/:site/orders/:order", {
    name: "getOrder",
    summary: "One order with payments and shipments; customer and addresses for an admin who asks",
    description: "`?reveal=1` shows customer and addresses to an admin and is audited.",
    scope: "read",
    query: revealQuery,
    answers: { 200: orderDetailShape },
    handle: async ({ deps, tenant, params, query, caller }) => {
      const scope = await siteScope(deps, tenant, params);
      const order = await orderDetail(scope, numberParam(params, "order"));
      if (!order) throw shopRowNotFound();
      const { customer, deliveryAddress, invoiceAddress, ...open } = order;
      const isShown = await isRevealed({ deps, tenant, caller, query }, `${scope.site}/order/${order.id}`);
      if (!isShown) return { status: 200, body: { ...open, revealed: false } };
      return { status: 200, body: { ...open, customer, deliveryAddress, invoiceAddress, revealed: true } };
    },
  }),
  route("GET /v1/sites/:site/products", {
    name: "listProducts",
    summary: "Products of a shop by id, or as a feed of changes with those deleted",
    scope: "read",
    query: productQuery,
    answers: { 200: productsShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { manufacturerId, supplierId, ...filter } = query;
      const scope = await siteScope(deps, tenant, params);
      const { where, inFeed } = placeOf(filter);
      const { items, next } = await listProducts(scope, { ...where, manufacturer: manufacturerId, supplier: supplierId });
      return { status: 200, body: { products: items, cursor: cursorOf(next, inFeed) } };
    },
  }),
  route("GET /v1/sites/:site/product-texts", {
    name: "listProductTexts",
    summary: "Descriptions and titles of products that an agent wrote and a person approved; the shop is not written",
    scope: "read",
    query: v.strictObject(shopPaging),
    answers: { 200: productTextsShape },
    handle: async ({ deps, tenant, params, query: { cursor, limit } }) => {
      const { items, next } = await listProductTexts(await siteScope(deps, tenant, params), { after: cursor?.after, limit });
      return { status: 200, body: { productTexts: items, cursor: cursorOf(next) } };
    },
  }),
  route("GET /v1/sites/:site/suppliers", {
    name: "listSuppliers",
    summary: "Suppliers of a shop, with the addresses of their purchase orders",
    scope: "read",
    query: supplierQuery,
    answers: { 200: suppliersShape },
    handle: async ({ deps, tenant, params, query }) => {
      const { cursor, limit, active } = query;
      const { items, next } = await listSuppliers(await siteScope(deps, tenant, params), { after: cursor?.after, limit, active });
      return { status: 200, body: { suppliers: items, cursor: cursorOf(next) } };
    },
  }),
  route("PUT /v1/sites/:site/suppliers/:supplier", {
    name: "putSupplier",
    summary: "Set the address of a supplier's purchase orders, and whether they are sent without approval",
    scope: "admin",
    body: { schema: supplierBody, limit: smallBody },
    answers: { 200: supplierShape },
    handle: async ({ deps, tenant, params, body }) => {
      const supplier = await putSupplier(await siteScope(deps, tenant, params), numberParam(params, "supplier"), body);
      if (!supplier) throw shopRowNotFound();
      return { status: 200, body: supplier };
    },
  }),
];

interface Placed {
  cursor?: { inFeed: boolean; after: number } | undefined;
  changedAfter?: number | undefined;
}

/** Whether a cursor belongs to a feed of changes: it begins with `c`. */
function placeOf<Filter extends Placed>({ cursor, changedAfter, ...filter }: Filter) {
  const inFeed = changedAfter !== undefined || cursor?.inFeed === true;
  return { inFeed, where: { ...filter, changedAfter: inFeed ? (changedAfter ?? 0) : undefined, after: cursor?.after } };
}
