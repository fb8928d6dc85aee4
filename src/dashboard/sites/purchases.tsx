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
    <Table label="Purchase orders" columns={["#No.", "Supplier", "#-Rows", "#Total", "-Made", ""]}>
      {orders.map((order) => (
        <tr key={order.id} id={`purchase-${order.id}`}>
          <td class="num">{order.id}</td>
          <td class="name">{order.supplier.name}</td>
          <td class="num wide">{order.rows.length}</td>
          <td class="num">
            {order.total.replace(/(\.\d\d)\d*$/, "$1")} {order.currency}
          </td>
          <td class="wide">
            <Time at={order.createdAt} />
          </td>
          <td class="actions">
            <Act visit={visit} action={siteActions.approvePurchase} fields={{ site, order: String(order.id) }}>
              <p>
                {plural(order.rows.length, "row")} for {order.total.replace(/(\.\d\d)\d*$/, "$1")} {order.currency} are ordered from {order.supplier.name}
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
            <Act visit={visit} action={siteActions.cancelPurchase} fields={{ site, order: String(order.id) }}>
              <p>Nothing is ordered; its orders are not asked about again.</p>
            </Act>
          </td>
        </tr>
      ))}
    </Table>
  );
}
