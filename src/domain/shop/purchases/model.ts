import { csvLine } from "../../../csv";

export type PurchaseState = "draft" | "approved" | "cancelled";

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
