import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { listOrders } from "../../src/domain/shop/orders/queries";
import type { Micros } from "../../src/decimal";
import { type FakeShop, order } from "./fake-shop";
import { createSyncBench } from "./shop-bench";

export const minute = 60_000;

export const scope = (tenant: string, site = "main") => ({ db: env.DB, tenant, site });

export const many = (count: number) => Array.from({ length: count }, (_, index) => order(index + 1));

export async function stored(tenant: string) {
  const orders = [];
  for (let after: number | undefined; ;) {
    const { items, next } = await listOrders(scope(tenant), { after, limit: 7 });
    orders.push(...items);
    if (next === null) return orders;
    after = next;
  }
}

/** What is stored, equal to the source row by row. */
export async function expectEqual(tenant: string, shop: FakeShop) {
  const source = [...shop.tables.orders.values()].toSorted((left, right) => left.id - right.id);
  const rows = await stored(tenant);
  expect(rows.map(({ id }) => id)).toEqual(source.map(({ id }) => id));
  for (const [index, row] of rows.entries()) {
    const from = source[index]!;
    const money = (micros: Micros | null) => (Number(micros) / 1e6).toFixed(6);
    expect(row).toMatchObject({
      reference: from.reference,
      currency: "EUR",
      totalPaid: money(from.totalPaid),
      customerId: from.customerId,
      state: { id: from.stateId, name: shop.tables.order_states.get(from.stateId ?? 0)?.name },
      dateUpd: new Date(from.dateUpd!).toISOString(),
      lines: from.lines.map(({ productId, quantity, unitPriceTaxExcl }) => ({
        productId,
        productAttributeId: 0,
        quantity,
        unitPriceTaxExcl: money(unitPriceTaxExcl),
      })),
    });
  }
}

export function world(tenant: string, shop: FakeShop) {
  const yard = createSyncBench(tenant, () => shop);
  type Options = Parameters<typeof yard.run<typeof syncOrders>>;
  return { ...yard, run: (payload: Options[1] = {}, options?: Options[2]) => yard.run(syncOrders, payload, options) };
}
