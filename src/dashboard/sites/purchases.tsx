import { plural } from "../../decimal";
import type { PurchaseOrders } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { number } from "../parts/format";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { siteActions } from "./actions";

type Order = PurchaseOrders["purchaseOrders"][number];

/** Drafts of purchase orders. An approval mails the order to its supplier. */
export function PurchaseTable({ visit, site, orders }: { visit: Visit; site: string; orders: readonly Order[] }) {
  return (
    <Table
      label="Purchase orders"
      rows={orders}
      id={({ id }) => `purchase-${id}`}
      empty="No purchase order waits for approval."
      columns={[
        ["#No.", ({ id }) => id],
        ["Supplier", ({ supplier }) => supplier.name, "name"],
        ["#-Rows", ({ rows }) => rows.length],
        ["#Total", (order) => totalOf(order)],
        ["-Made", ({ createdAt }) => <Time at={createdAt} />],
        ["", (order) => <PurchaseActs visit={visit} site={site} order={order} />],
      ]}
    />
  );
}

function totalOf({ total, currency }: Order): string {
  return `${total.replace(/(\.\d\d)\d*$/, "$1")} ${currency}`;
}

function PurchaseActs({ visit, site, order }: { visit: Visit; site: string; order: Order }) {
  const fields = { site, order: String(order.id) };
  return (
    <>
      <Act visit={visit} action={siteActions.approvePurchase} fields={fields}>
        <p>
          {plural(order.rows.length, "row")} for {totalOf(order)} are ordered from {order.supplier.name}
          {order.supplier.email === null ? ", who has no address: no mail is sent." : ` by a mail to ${order.supplier.email}.`}
        </p>
        <ul>
          {order.rows.slice(0, 20).map((row) => (
            <li key={`${row.productId}-${row.productAttributeId}`}>
              {number(row.quantity)} × {row.name} <span class="dim">{row.reference}</span>
            </li>
          ))}
        </ul>
      </Act>{" "}
      <Act visit={visit} action={siteActions.cancelPurchase} fields={fields}>
        <p>Nothing is ordered; its orders are not asked about again.</p>
      </Act>
    </>
  );
}
