import { type Field, flag, instant, link, money, quantity, type FieldReading, rowId, text, wholeOrNone } from "./fields";
import { order } from "./order";
import { timestampField, flags, row } from "./row-reader";
import type { ShopResource, ShopRows } from "./row-types";

/** How a resource is requested and read. */
export interface Resource<Row> {
  /** `full`, or the fields by name where the whole row is large or contains secrets. Only fields of 1.7, 8 and 9: an unknown field refuses the list. */
  display: string;
  /** Whether a row loads more than its own table. */
  heavy: boolean;
  /** Reads an element of a loaded row. */
  row(reading: FieldReading): Field<Row>;
}

export const resources: { [R in ShopResource]: Resource<ShopRows[R]> } = {
  orders: { display: "full", heavy: true, row: order },
  order_states: {
    ...light("id,name,paid,shipped,delivery,logable,invoice,deleted,color"),
    row: (reading) =>
      row({
        id: ["id", rowId],
        name: ["name", text(reading)],
        ...flags("paid", "shipped", "delivery", "logable", "invoice", "deleted"),
        color: ["color", text(reading)],
      }),
  },
  order_payments: {
    ...light("id,order_reference,id_currency,amount,payment_method,date_add"),
    row: (reading) =>
      row({
        id: ["id", rowId],
        orderReference: ["order_reference", text(reading)],
        currencyId: ["id_currency", link],
        amount: ["amount", money],
        method: ["payment_method", text(reading)],
        dateAdd: ["date_add", instant(reading)],
      }),
  },
  order_carriers: {
    ...light("id,id_order,id_carrier,id_order_invoice,weight,shipping_cost_tax_excl,shipping_cost_tax_incl,tracking_number,date_add"),
    row: (reading) =>
      row({
        id: ["id", rowId],
        orderId: ["id_order", link],
        carrierId: ["id_carrier", link],
        invoiceId: ["id_order_invoice", link],
        weight: ["weight", money],
        shippingCostTaxExcl: ["shipping_cost_tax_excl", money],
        shippingCostTaxIncl: ["shipping_cost_tax_incl", money],
        trackingNumber: ["tracking_number", text(reading)],
        dateAdd: ["date_add", instant(reading)],
      }),
  },
  carriers: {
    ...light("id,id_reference,name,active,deleted,url"),
    row: (reading) =>
      row({
        id: ["id", rowId],
        referenceId: ["id_reference", link],
        name: ["name", text(reading)],
        ...flags("active", "deleted"),
        trackingUrl: ["url", text(reading)],
      }),
  },
  customers: { ...light("id,id_default_group,id_lang,firstname,lastname,email,company,is_guest,active,deleted,date_add,date_upd"), row: customer },
  addresses: {
    ...light(
      "id,id_customer,id_manufacturer,id_supplier,id_country,id_state,alias,company,lastname,firstname,vat_number,address1,address2,postcode,city,phone,phone_mobile,deleted,date_add,date_upd",
    ),
    row: address,
  },
  countries: { ...light("id,iso_code"), row: (reading) => row({ id: ["id", rowId], isoCode: ["iso_code", text(reading)] }) },
  // `precision` came with 1.7.6, so it cannot be requested by name.
  currencies: {
    display: "full",
    heavy: false,
    row: (reading) =>
      row({
        id: ["id", rowId],
        isoCode: ["iso_code", text(reading)],
        conversionRate: ["conversion_rate", money],
        precision: ["precision", wholeOrNone],
        ...flags("active", "deleted"),
      }),
  },
  products: {
    display:
      "[id,id_manufacturer,id_supplier,id_default_combination,reference,supplier_reference,ean13,price,wholesale_price,active,name,description,meta_title,date_add,date_upd]",
    heavy: true,
    row: product,
  },
  combinations: {
    ...light("id,id_product,reference,ean13,price,wholesale_price"),
    row: (reading) =>
      row({
        id: ["id", rowId],
        productId: ["id_product", link],
        reference: ["reference", text(reading)],
        ean13: ["ean13", text(reading)],
        priceImpact: ["price", money],
        wholesalePrice: ["wholesale_price", money],
      }),
  },
  stock_availables: {
    ...light("id,id_product,id_product_attribute,quantity"),
    row: () =>
      row({
        id: ["id", rowId],
        productId: ["id_product", link],
        productAttributeId: ["id_product_attribute", link],
        quantity: ["quantity", quantity],
      }),
  },
  manufacturers: { ...light("id,name,active"), row: maker },
  suppliers: { ...light("id,name,active"), row: maker },
  product_suppliers: {
    ...light("id,id_product,id_product_attribute,id_supplier,id_currency,product_supplier_reference,product_supplier_price_te"),
    row: (reading) =>
      row({
        id: ["id", rowId],
        productId: ["id_product", link],
        productAttributeId: ["id_product_attribute", link],
        supplierId: ["id_supplier", link],
        currencyId: ["id_currency", link],
        reference: ["product_supplier_reference", text(reading)],
        price: ["product_supplier_price_te", money],
      }),
  },
};

/** Characters of a description that are kept, and that are read. */
const maxDescription = 500;
const maxHtml = 5000;

function light(fields: string): { display: string; heavy: false } {
  return { display: `[${fields}]`, heavy: false };
}

function customer(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    firstName: ["firstname", text(reading)],
    lastName: ["lastname", text(reading)],
    email: ["email", text(reading)],
    company: ["company", text(reading)],
    isGuest: ["is_guest", flag],
    ...flags("active", "deleted"),
    anonymous: ["email", (value, note) => text(reading)(value, note).toLowerCase() === "anonymous@psgdpr.com"],
    defaultGroupId: ["id_default_group", link],
    languageId: ["id_lang", link],
    ...timestampField(reading),
  });
}

function address(reading: FieldReading) {
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

function product(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    reference: ["reference", text(reading)],
    name: ["name", text(reading)],
    price: ["price", money],
    wholesalePrice: ["wholesale_price", money],
    ...flags("active"),
    ean13: ["ean13", text(reading)],
    manufacturerId: ["id_manufacturer", link],
    supplierId: ["id_supplier", link],
    defaultCombinationId: ["id_default_combination", link],
    supplierReference: ["supplier_reference", text(reading)],
    description: ["description", (value, note) => plainText(text(reading)(value, note))],
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

function maker(reading: FieldReading) {
  return row({ id: ["id", rowId], name: ["name", text(reading)], ...flags("active") });
}
