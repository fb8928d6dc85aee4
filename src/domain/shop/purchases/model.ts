import * as v from "valibot";
import { boundedText, isoTime, outputList } from "../../../bounded";
import { csvLine } from "../../../csv";

export const purchaseStates = ["draft", "approved", "cancelled"] as const;

export type PurchaseState = (typeof purchaseStates)[number];

/** An amount in an answer. */
export const moneyShape = v.pipe(boundedText(64, { pattern: /^-?\d+\.\d{6}$/, rule: "must be decimal text" }), v.description("Decimal text"));

/** A quantity in an answer. */
export const quantityShape = v.pipe(v.number(), v.description("Up to six decimals"));

/** One item, summed over the orders that it is bought for. */
const purchaseRow = v.object({
  productId: v.number(),
  productAttributeId: v.number(),
  reference: v.string(),
  name: v.string(),
  quantity: quantityShape,
  unitPrice: moneyShape,
  total: moneyShape,
  orderIds: outputList(v.number()),
});

export type PurchaseRow = v.InferOutput<typeof purchaseRow>;

/** A purchase order as the API shows it. Amounts are without tax. */
export const purchaseOrderShape = v.object({
  id: v.number(),
  state: v.picklist(purchaseStates),
  supplier: v.object({ id: v.number(), name: v.string(), email: v.nullable(v.string()) }),
  currency: v.string(),
  total: moneyShape,
  rows: outputList(purchaseRow),
  createdAt: isoTime,
  updatedAt: isoTime,
  // The approving side enqueues the mail.
  approvedBy: v.pipe(v.nullable(v.string()), v.description("operator, or the job that did it by the supplier's setting")),
  mailJobId: v.nullable(v.string()),
});

export type PurchaseOrder = v.InferOutput<typeof purchaseOrderShape>;

export interface PurchaseFilter {
  state?: PurchaseState | undefined;
  supplier?: number | undefined;
  /** The page begins below this id. */
  below?: number | undefined;
  limit: number;
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
