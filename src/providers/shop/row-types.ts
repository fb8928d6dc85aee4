import type { Micros } from "../../decimal";

/** UTC milliseconds. Zero-dates of the shop are null. */
export type Instant = number;

/** Normalised rows of the webservice of 1.7, 8 and 9. Ids of 0 (none) and unreadable fields are null. Fields of modules are dropped. */
export interface ShopRows {
  orders: Order;
  order_states: OrderState;
  order_payments: OrderPayment;
  order_carriers: OrderCarrier;
  carriers: Carrier;
  customers: Customer;
  addresses: Address;
  countries: Country;
  currencies: Currency;
  products: Product;
  combinations: Combination;
  stock_availables: Stock;
  manufacturers: Maker;
  suppliers: Maker;
  product_suppliers: ProductSupplier;
}

/** Names of the webservice, so that a reason names the permission to grant. */
export type ShopResource = keyof ShopRows;

interface Dated {
  dateAdd: Instant | null;
  dateUpd: Instant | null;
  /** `dateUpd` is in the hour that a clock change repeats: it may be off by an hour, so it must not decide which copy of a row is newer. */
  dateUpdAmbiguous: boolean;
}

export interface Order extends Dated {
  id: number;
  /** Not unique: a cart that was split into several orders shares it. */
  reference: string;
  shopId: number | null;
  /** May be the id of a deleted customer. */
  customerId: number | null;
  cartId: number | null;
  currencyId: number | null;
  languageId: number | null;
  carrierId: number | null;
  deliveryAddressId: number | null;
  invoiceAddressId: number | null;
  /** Id in the shop's list; its flags are in `order_states`. */
  stateId: number | null;
  /** As shown to the customer: "Bank transfer". */
  payment: string;
  /** The payment module: "ps_wirepayment". */
  module: string;
  /** Was valid (logable) at least once. */
  valid: boolean | null;
  invoiceDate: Instant | null;
  deliveryDate: Instant | null;
  /** Units of this currency per unit of the shop's currency, × 1,000,000. */
  conversionRate: Micros | null;
  totalPaid: Micros | null;
  totalPaidTaxIncl: Micros | null;
  totalPaidTaxExcl: Micros | null;
  /** May be more than `totalPaid`. */
  totalPaidReal: Micros | null;
  totalProducts: Micros | null;
  totalProductsTaxIncl: Micros | null;
  totalShippingTaxIncl: Micros | null;
  totalShippingTaxExcl: Micros | null;
  totalDiscountsTaxIncl: Micros | null;
  totalDiscountsTaxExcl: Micros | null;
  totalWrappingTaxIncl: Micros | null;
  totalWrappingTaxExcl: Micros | null;
  lines: OrderLine[];
}

export interface OrderLine {
  /** 0: it is unreadable. */
  id: number;
  productId: number | null;
  /** The combination; null for a product without. */
  productAttributeId: number | null;
  /** Goods may be sold in parts of a unit; six decimals. */
  quantity: number | null;
  name: string;
  reference: string;
  ean13: string;
  unitPriceTaxIncl: Micros | null;
  unitPriceTaxExcl: Micros | null;
  customizationId: number | null;
}

/** Ids are the shop's; only the flags give the meaning of a state. */
export interface OrderState {
  id: number;
  name: string;
  paid: boolean | null;
  shipped: boolean | null;
  delivery: boolean | null;
  logable: boolean | null;
  invoice: boolean | null;
  deleted: boolean | null;
  /** `#3498db` or "". */
  color: string;
}

/** Linked by reference: a payment may be for several orders. */
export interface OrderPayment {
  id: number;
  orderReference: string;
  currencyId: number | null;
  amount: Micros | null;
  method: string;
  dateAdd: Instant | null;
}

export interface OrderCarrier {
  id: number;
  orderId: number | null;
  carrierId: number | null;
  invoiceId: number | null;
  weight: Micros | null;
  shippingCostTaxExcl: Micros | null;
  shippingCostTaxIncl: Micros | null;
  trackingNumber: string;
  dateAdd: Instant | null;
}

export interface Carrier {
  id: number;
  /** The same for all versions of a carrier: editing one creates a new id. */
  referenceId: number | null;
  name: string;
  active: boolean | null;
  deleted: boolean | null;
  /** With `@` in place of the tracking number, or "". */
  trackingUrl: string;
}

/** Requested by field: the whole row contains the password, the secure key and the reset token. */
export interface Customer extends Dated {
  id: number;
  firstName: string;
  lastName: string;
  email: string;
  company: string;
  isGuest: boolean | null;
  active: boolean | null;
  deleted: boolean | null;
  /** The stand-in for customers who were removed on request. */
  anonymous: boolean;
  defaultGroupId: number | null;
  languageId: number | null;
}

export interface Address extends Dated {
  id: number;
  customerId: number | null;
  supplierId: number | null;
  manufacturerId: number | null;
  countryId: number | null;
  stateId: number | null;
  alias: string;
  firstName: string;
  lastName: string;
  company: string;
  vatNumber: string;
  address1: string;
  address2: string;
  postcode: string;
  city: string;
  phone: string;
  phoneMobile: string;
  deleted: boolean | null;
}

export interface Country {
  id: number;
  isoCode: string;
}

export interface Currency {
  id: number;
  /** ISO 4217. */
  isoCode: string;
  /** Units of it per unit of the shop's currency, × 1,000,000. */
  conversionRate: Micros | null;
  /** Decimals it is shown with; null where the version does not send it (1.7 before 1.7.6). */
  precision: number | null;
  active: boolean | null;
  deleted: boolean | null;
}

export interface Product extends Dated {
  id: number;
  reference: string;
  name: string;
  /** Base price without tax, in the shop's currency. */
  price: Micros | null;
  wholesalePrice: Micros | null;
  active: boolean | null;
  ean13: string;
  manufacturerId: number | null;
  /** The default supplier; all are in `product_suppliers`. */
  supplierId: number | null;
  defaultCombinationId: number | null;
  supplierReference: string;
  /** The first 500 characters without HTML. Missing, as `metaTitle`, in rows stored before these were read. */
  description?: string;
  /** Title for search engines. */
  metaTitle?: string;
}

export interface Combination {
  id: number;
  productId: number | null;
  reference: string;
  ean13: string;
  /** Added to the product's price; may be negative. */
  priceImpact: Micros | null;
  wholesalePrice: Micros | null;
}

/** The quantities; `products.quantity` is always "0". It has no date, so a change is found only by reading it. */
export interface Stock {
  id: number;
  productId: number | null;
  /** Null: the product itself, which with combinations is their sum. */
  productAttributeId: number | null;
  /** May be negative. */
  quantity: number | null;
}

export interface Maker {
  id: number;
  name: string;
  active: boolean | null;
}

export interface ProductSupplier {
  id: number;
  productId: number | null;
  productAttributeId: number | null;
  supplierId: number | null;
  currencyId: number | null;
  reference: string;
  /** Purchase price without tax. */
  price: Micros | null;
}
