import type { Order, OrderState, Product, ShopResource, ShopRows } from "../../src/providers/shop/row-types";
import type { Found, IdPage, Lookup, ShopPage, ShopPageRequest, Shop, ShopSettings } from "../../src/providers/shop/shop";
import { failed, type Failure, ok, type Reply } from "../../src/queue/effect";

type Tables = { [R in ShopResource]: Map<number, ShopRows[R]> };

/** A shop in memory that answers as the adapter does. */
export class FakeShop implements Shop {
  readonly tables: Tables;
  /** Every call, as `page orders 12`. */
  readonly calls: string[] = [];
  /** What the next calls of this name fail with, one by one. */
  readonly failures: { on: string; failure: Failure }[] = [];
  /** Called before each call of the shop. */
  before: (call: string) => void = () => undefined;
  pageSize = 4;
  readonly pageSizes = { heavy: 50, light: 2500 };
  stated: ShopSettings = { timezone: "UTC", languageId: 1, currencyId: 1 };

  constructor() {
    const names: ShopResource[] = [
      "orders",
      "order_states",
      "order_payments",
      "order_carriers",
      "carriers",
      "customers",
      "addresses",
      "countries",
      "currencies",
      "products",
      "combinations",
      "stock_availables",
      "manufacturers",
      "suppliers",
      "product_suppliers",
    ];
    this.tables = Object.fromEntries(names.map((name) => [name, new Map()])) as unknown as Tables;
  }

  /** Puts rows, by their ids. */
  put<R extends ShopResource>(resource: R, ...rows: ShopRows[R][]): this {
    for (const row of rows) (this.tables[resource] as Map<number, ShopRows[R]>).set(row.id, row);
    return this;
  }

  async test(_signal?: AbortSignal): Promise<Reply<ShopSettings & { version: string | null }>> {
    return this.answer("test", () => ({ ...this.stated, version: "8.2.0" }));
  }

  async permissions(): Promise<Reply<{ missing: ShopResource[] }>> {
    return this.answer("permissions", () => ({ missing: [] }));
  }

  async settings(): Promise<Reply<ShopSettings>> {
    return this.answer("settings", () => this.stated);
  }

  resume(): void {
    // Its settings cost nothing to read.
  }

  async page<R extends ShopResource>(resource: R, { window, afterId }: ShopPageRequest): Promise<Reply<ShopPage<ShopRows[R]>>> {
    return this.answer(`page ${resource} ${afterId}`, () => {
      const fitting = this.rows(resource).filter((row) => row.id > afterId && inside(row, window));
      const rows = fitting.slice(0, this.pageSize);
      return { rows, lastId: rows.at(-1)?.id ?? afterId, more: rows.length === this.pageSize, unreadable: [], missing: [], warnings: [] };
    });
  }

  async find<R extends ShopResource>(resource: R, by: { field: string; values: readonly (number | string)[] }): Promise<Reply<Found<ShopRows[R]>>> {
    return this.answer(`find ${resource} ${by.values.length}`, () => {
      const value = (row: ShopRows[R]) => (row as unknown as Record<string, number | string>)[fields[by.field] ?? ""] ?? "";
      return { rows: this.rows(resource).filter((row) => by.values.includes(value(row))), unreadable: [], missing: [], warnings: [] };
    });
  }

  async listed<R extends ShopResource>(resource: R, by: Lookup<R>): Promise<Reply<number[]>> {
    const found = await this.find(resource, by);
    return found.ok ? ok(found.value.rows.map(({ id }) => id)) : found;
  }

  async ids(resource: ShopResource, { window, afterId }: ShopPageRequest): Promise<Reply<IdPage>> {
    return this.answer(`ids ${resource} ${afterId}`, () => {
      const ids = this.rows(resource)
        .filter((row) => row.id > afterId && inside(row, window))
        .map(({ id }) => id)
        .slice(0, 10);
      return { ids, lastId: ids.at(-1) ?? afterId, full: ids.length === 10, more: ids.length > 0 };
    });
  }

  private rows<R extends ShopResource>(resource: R): ShopRows[R][] {
    return [...(this.tables[resource] as Map<number, ShopRows[R]>).values()].toSorted((left, right) => left.id - right.id);
  }

  private async answer<T>(call: string, value: () => T): Promise<Reply<T>> {
    this.calls.push(call);
    this.before(call);
    const index = this.failures.findIndex(({ on }) => call.startsWith(on));
    const [found] = index < 0 ? [] : this.failures.splice(index, 1);
    return found ? failed(found.failure) : ok(structuredClone(value()));
  }
}

export const start = Date.UTC(2026, 10, 21, 12);
const hour = 3600_000;

export function order(id: number, changes: Partial<Order> = {}): Order {
  const dateAdd = changes.dateAdd === undefined ? start - (1000 - id) * 1000 - hour : changes.dateAdd;
  return {
    id,
    reference: `REF${id}`,
    shopId: 1,
    customerId: id % 7,
    cartId: id,
    currencyId: 1,
    languageId: 1,
    carrierId: 2,
    deliveryAddressId: id,
    invoiceAddressId: id,
    stateId: 2,
    payment: "Bank transfer",
    module: "ps_wirepayment",
    valid: true,
    invoiceDate: null,
    deliveryDate: null,
    conversionRate: 1_000_000,
    totalPaid: 59_800_000 + id,
    totalPaidTaxIncl: 59_800_000 + id,
    totalPaidTaxExcl: 50_000_000,
    totalPaidReal: 0,
    totalProducts: 50_000_000,
    totalProductsTaxIncl: 59_800_000,
    totalShippingTaxIncl: 0,
    totalShippingTaxExcl: 0,
    totalDiscountsTaxIncl: 0,
    totalDiscountsTaxExcl: 0,
    totalWrappingTaxIncl: 0,
    totalWrappingTaxExcl: 0,
    lines: [orderLine(id * 10)],
    dateAdd,
    dateUpd: dateAdd,
    dateUpdAmbiguous: false,
    ...changes,
  };
}

export function orderLine(id: number, changes: Partial<Order["lines"][number]> = {}): Order["lines"][number] {
  return {
    id,
    productId: 1,
    productAttributeId: null,
    quantity: 2,
    name: "Mug",
    reference: "MUG",
    ean13: "",
    unitPriceTaxIncl: 29_900_000,
    unitPriceTaxExcl: 25_000_000,
    customizationId: null,
    ...changes,
  };
}

export function orderState(id: number, changes: Partial<OrderState> = {}): OrderState {
  return { id, name: `State ${id}`, paid: true, shipped: false, delivery: false, logable: true, invoice: true, deleted: false, color: "", ...changes };
}

export function product(id: number, changes: Partial<Product> = {}): Product {
  return {
    id,
    reference: `P${id}`,
    name: `Product ${id}`,
    price: 12_500_000,
    wholesalePrice: 6_000_000,
    active: true,
    ean13: "",
    manufacturerId: 1,
    supplierId: 1,
    defaultCombinationId: null,
    supplierReference: "",
    dateAdd: start - 30 * 24 * hour,
    dateUpd: start - hour - id * 1000,
    dateUpdAmbiguous: false,
    ...changes,
  };
}

export function stock(productId: number, quantity: number, productAttributeId: number | null = null): ShopRows["stock_availables"] {
  const id = productId * 1000 + (productAttributeId ?? 0);
  return { id, productId, productAttributeId, quantity };
}

/** A shop with states, a currency and orders. */
export function shopWith(orders: readonly Order[]): FakeShop {
  const shop = new FakeShop();
  shop.put(
    "order_states",
    orderState(2, { name: "Paid" }),
    orderState(4, { name: "Shipped", shipped: true }),
    orderState(1, { name: "Awaiting", paid: false }),
  );
  shop.put("currencies", { id: 1, isoCode: "EUR", conversionRate: 1_000_000, precision: 2, active: true, deleted: false });
  return shop.put("orders", ...orders);
}

const fields: Record<string, string> = {
  id: "id",
  order_reference: "orderReference",
  id_order: "orderId",
  id_product: "productId",
  id_supplier: "supplierId",
  reference: "reference",
};

function inside(row: object, window: ShopPageRequest["window"]): boolean {
  if (!window) return true;
  const { dateUpd } = row as { dateUpd?: number | null };
  return typeof dateUpd === "number" && dateUpd >= window.from && dateUpd <= window.to;
}
