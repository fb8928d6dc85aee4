import type { Field, FieldReading } from "./fields";
import type { order } from "./order";
import type * as rows from "./rows";

/** Normalised rows of the webservice of 1.7, 8 and 9. Ids of 0 (none) and unreadable fields are null. Fields of modules are dropped. */
export interface ShopRows {
  orders: Order;
  order_states: OrderState;
  order_payments: RowOf<typeof rows.orderPayment>;
  order_carriers: RowOf<typeof rows.orderCarrier>;
  carriers: RowOf<typeof rows.carrier>;
  customers: RowOf<typeof rows.customer>;
  addresses: RowOf<typeof rows.address>;
  countries: RowOf<typeof rows.country>;
  currencies: RowOf<typeof rows.currency>;
  products: Product;
  combinations: Combination;
  stock_availables: Stock;
  manufacturers: Maker;
  suppliers: Maker;
  product_suppliers: ProductSupplier;
}

/** Names of the webservice, so that a reason names the permission to grant. */
export type ShopResource = keyof ShopRows;

/** What a reader makes of an element. */
type RowOf<Reader extends (reading: FieldReading) => Field<unknown>> = ReturnType<ReturnType<Reader>>;

export type Order = RowOf<typeof order>;
export type OrderState = RowOf<typeof rows.orderState>;
export type Combination = RowOf<typeof rows.combination>;
export type Stock = RowOf<typeof rows.stock>;
export type Maker = RowOf<typeof rows.maker>;
export type ProductSupplier = RowOf<typeof rows.productSupplier>;

type ReadProduct = RowOf<typeof rows.product>;
type LaterField = "description" | "metaTitle";
/** Rows stored before some texts were read lack those. */
export type Product = Omit<ReadProduct, LaterField> & Partial<Pick<ReadProduct, LaterField>>;
