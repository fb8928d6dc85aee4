import { flag, instant, link, money, quantity, type FieldReading, rowId, text, wholeOrNone } from "./fields";
import { timestampField, flags, row } from "./row-reader";

/** Ids are the shop's; only the flags give the meaning of a state. */
export function orderState(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    name: ["name", text(reading)],
    ...flags("paid", "shipped", "delivery", "logable", "invoice", "deleted"),
    /** `#3498db` or "". */
    color: ["color", text(reading)],
  });
}

/** Linked by reference: a payment may be for several orders. */
export function orderPayment(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    orderReference: ["order_reference", text(reading)],
    currencyId: ["id_currency", link],
    amount: ["amount", money],
    method: ["payment_method", text(reading)],
    dateAdd: ["date_add", instant(reading)],
  });
}

export function orderCarrier(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    orderId: ["id_order", link],
    carrierId: ["id_carrier", link],
    invoiceId: ["id_order_invoice", link],
    weight: ["weight", money],
    shippingCostTaxExcl: ["shipping_cost_tax_excl", money],
    shippingCostTaxIncl: ["shipping_cost_tax_incl", money],
    trackingNumber: ["tracking_number", text(reading)],
    dateAdd: ["date_add", instant(reading)],
  });
}

export function carrier(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    /** The same for all versions of a carrier: editing one creates a new id. */
    referenceId: ["id_reference", link],
    name: ["name", text(reading)],
    ...flags("active", "deleted"),
    /** With `@` in place of the tracking number, or "". */
    trackingUrl: ["url", text(reading)],
  });
}

/** Requested by field: the whole row contains the password, the secure key and the reset token. */
export function customer(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    firstName: ["firstname", text(reading)],
    lastName: ["lastname", text(reading)],
    email: ["email", text(reading)],
    company: ["company", text(reading)],
    isGuest: ["is_guest", flag],
    ...flags("active", "deleted"),
    /** The stand-in for customers who were removed on request. */
    anonymous: ["email", (value, note) => text(reading)(value, note).toLowerCase() === "anonymous@psgdpr.com"],
    defaultGroupId: ["id_default_group", link],
    languageId: ["id_lang", link],
    ...timestampField(reading),
  });
}

export function address(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    customerId: ["id_customer", link],
    supplierId: ["id_supplier", link],
    manufacturerId: ["id_manufacturer", link],
    countryId: ["id_country", link],
    stateId: ["id_state", link],
    alias: ["alias", text(reading)],
    firstName: ["firstname", text(reading)],
    lastName: ["lastname", text(reading)],
    company: ["company", text(reading)],
    vatNumber: ["vat_number", text(reading)],
    address1: ["address1", text(reading)],
    address2: ["address2", text(reading)],
    postcode: ["postcode", text(reading)],
    city: ["city", text(reading)],
    phone: ["phone", text(reading)],
    phoneMobile: ["phone_mobile", text(reading)],
    ...flags("deleted"),
    ...timestampField(reading),
  });
}

export function country(reading: FieldReading) {
  return row({ id: ["id", rowId], isoCode: ["iso_code", text(reading)] });
}

export function currency(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    /** ISO 4217. */
    isoCode: ["iso_code", text(reading)],
    /** Units of it per unit of the shop's currency, × 1,000,000. */
    conversionRate: ["conversion_rate", money],
    /** Decimals it is shown with; null where the version does not send it (1.7 before 1.7.6). */
    precision: ["precision", wholeOrNone],
    ...flags("active", "deleted"),
  });
}

/** Characters of a description that are kept, and that are read. */
const maxDescription = 500;
const maxHtml = 5000;

export function product(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    reference: ["reference", text(reading)],
    name: ["name", text(reading)],
    /** Base price without tax, in the shop's currency. */
    price: ["price", money],
    wholesalePrice: ["wholesale_price", money],
    ...flags("active"),
    ean13: ["ean13", text(reading)],
    manufacturerId: ["id_manufacturer", link],
    /** The default supplier; all are in `product_suppliers`. */
    supplierId: ["id_supplier", link],
    defaultCombinationId: ["id_default_combination", link],
    supplierReference: ["supplier_reference", text(reading)],
    /** The first 500 characters without HTML. */
    description: ["description", (value, note) => plainText(text(reading)(value, note))],
    /** Title for search engines. */
    metaTitle: ["meta_title", text(reading)],
    ...timestampField(reading),
  });
}

/** The beginning of a text in HTML, without its tags. */
function plainText(html: string): string {
  return html
    .slice(0, maxHtml)
    .replaceAll(/<[^<>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, maxDescription)
    .toWellFormed();
}

export function combination(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    productId: ["id_product", link],
    reference: ["reference", text(reading)],
    ean13: ["ean13", text(reading)],
    /** Added to the product's price; may be negative. */
    priceImpact: ["price", money],
    wholesalePrice: ["wholesale_price", money],
  });
}

/** The quantities; `products.quantity` is always "0". It has no date, so a change is found only by reading it. */
export function stock() {
  return row({
    id: ["id", rowId],
    productId: ["id_product", link],
    /** Null: the product itself, which with combinations is their sum. */
    productAttributeId: ["id_product_attribute", link],
    /** May be negative. */
    quantity: ["quantity", quantity],
  });
}

export function maker(reading: FieldReading) {
  return row({ id: ["id", rowId], name: ["name", text(reading)], ...flags("active") });
}

export function productSupplier(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    productId: ["id_product", link],
    productAttributeId: ["id_product_attribute", link],
    supplierId: ["id_supplier", link],
    currencyId: ["id_currency", link],
    reference: ["product_supplier_reference", text(reading)],
    /** Purchase price without tax. */
    price: ["product_supplier_price_te", money],
  });
}
