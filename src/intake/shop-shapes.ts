import * as v from "valibot";
import { isoTime, outputList, outputRecord } from "../bounded";
import { moneyShape, quantityShape } from "../domain/shop/purchases/model";
import { cursor } from "./shapes";

/** Shapes of shop data. Ids are the shop's numbers, amounts are decimal text. */

const maybeMoney = v.pipe(v.nullable(moneyShape), v.description("Decimal text; null where it cannot be read"));
const maybeQuantity = v.pipe(v.nullable(quantityShape), v.description("Up to six decimals; null where it is not known"));
const maybeTime = v.nullable(isoTime);
const maybeText = v.nullable(v.string());
const changedAt = v.pipe(isoTime, v.description("When it changed here; unique in the shop, for changedAfter"));

const orderEntries = {
  id: v.number(),
  reference: v.pipe(v.string(), v.description("Not unique: a cart that was split shares it")),
  shopId: v.nullable(v.number()),
  state: v.object({ id: v.number(), name: maybeText, paid: v.boolean(), shipped: v.boolean() }),
  currency: v.pipe(maybeText, v.description("ISO 4217")),
  totalPaid: maybeMoney,
  totalPaidTaxExcl: maybeMoney,
  customerId: v.pipe(v.number(), v.description("0: none, as with a guest")),
  dateAdd: maybeTime,
  dateUpd: maybeTime,
  changedAt,
  deletedAt: v.pipe(maybeTime, v.description("When a sync found that the shop has deleted it")),
  lines: outputList(
    v.object({
      productId: v.number(),
      productAttributeId: v.pipe(v.number(), v.description("The combination; 0 for a product without")),
      reference: v.string(),
      name: v.string(),
      quantity: maybeQuantity,
      unitPriceTaxExcl: maybeMoney,
    }),
  ),
};

export const ordersShape = v.object({ orders: outputList(v.object(orderEntries)), cursor });

const maybeNumber = v.nullable(v.number());
const maybeBoolean = v.nullable(v.boolean());
const customer = v.object({
  id: v.number(),
  firstName: v.string(),
  lastName: v.string(),
  email: v.string(),
  company: v.string(),
  isGuest: maybeBoolean,
  active: maybeBoolean,
  deleted: maybeBoolean,
  anonymous: v.pipe(v.boolean(), v.description("The stand-in for customers who were removed on request")),
  defaultGroupId: maybeNumber,
  languageId: maybeNumber,
});
const address = v.object({
  id: v.number(),
  customerId: maybeNumber,
  supplierId: maybeNumber,
  manufacturerId: maybeNumber,
  countryId: maybeNumber,
  stateId: maybeNumber,
  country: v.pipe(v.nullable(v.string()), v.description("ISO code")),
  alias: v.string(),
  firstName: v.string(),
  lastName: v.string(),
  company: v.string(),
  vatNumber: v.string(),
  address1: v.string(),
  address2: v.string(),
  postcode: v.string(),
  city: v.string(),
  phone: v.string(),
  phoneMobile: v.string(),
  deleted: maybeBoolean,
});

export const orderDetailShape = v.object({
  ...orderEntries,
  payment: v.string(),
  totals: outputRecord(maybeMoney),
  payments: outputList(v.object({ method: v.string(), amount: maybeMoney, date: maybeTime })),
  shipments: outputList(v.object({ carrier: maybeText, trackingNumber: v.string(), date: maybeTime })),
  customer: v.optional(v.nullable(customer)),
  deliveryAddress: v.optional(v.nullable(address)),
  invoiceAddress: v.optional(v.nullable(address)),
  revealed: v.boolean(),
});

const maker = v.object({ id: v.number(), name: v.string() });

export const productsShape = v.object({
  products: outputList(
    v.object({
      id: v.number(),
      reference: v.string(),
      name: v.string(),
      price: v.pipe(maybeMoney, v.description("Without tax, in the shop's own currency; null where it cannot be read")),
      active: v.boolean(),
      quantity: maybeQuantity,
      ean13: v.string(),
      manufacturer: v.optional(maker),
      suppliers: outputList(
        v.object({
          id: v.number(),
          name: maybeText,
          default: v.boolean(),
          references: outputList(v.object({ productAttributeId: v.number(), reference: v.string(), price: maybeMoney, currency: maybeText })),
        }),
      ),
      combinations: outputList(
        v.object({ id: v.number(), reference: v.string(), ean13: v.string(), priceImpact: maybeMoney, price: maybeMoney, quantity: maybeQuantity }),
      ),
      dateUpd: maybeTime,
      changedAt,
      deleted: v.optional(v.boolean()),
    }),
  ),
  cursor,
});

export const supplierShape = v.object({ id: v.number(), name: v.string(), active: v.boolean(), email: maybeText, automatic: v.boolean() });
export const suppliersShape = v.object({ suppliers: outputList(supplierShape), cursor });

export const productTextsShape = v.object({
  productTexts: outputList(
    v.object({ productId: v.number(), description: v.string(), metaTitle: v.string(), metaDescription: v.string(), job: v.string(), at: isoTime }),
  ),
  cursor: v.nullable(v.string()),
});
