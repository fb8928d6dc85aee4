import { isRecord } from "../../json/record";
import { type Field, flag, instant, link, money, quantity, type FieldReading, rowId, text } from "./fields";
import { timestampField, row } from "./row-reader";

/** An order with its lines. Other fields, such as the secure key, are dropped. */
export function order(reading: FieldReading) {
  return row({
    id: ["id", rowId],
    /** Not unique: a cart that was split into several orders shares it. */
    reference: ["reference", text(reading)],
    shopId: ["id_shop", link],
    /** May be the id of a deleted customer. */
    customerId: ["id_customer", link],
    cartId: ["id_cart", link],
    currencyId: ["id_currency", link],
    languageId: ["id_lang", link],
    carrierId: ["id_carrier", link],
    deliveryAddressId: ["id_address_delivery", link],
    invoiceAddressId: ["id_address_invoice", link],
    /** Id in the shop's list; its flags are in `order_states`. */
    stateId: ["current_state", link],
    /** As shown to the customer: "Bank transfer". */
    payment: ["payment", text(reading)],
    /** The payment module: "ps_wirepayment". */
    module: ["module", text(reading)],
    /** Was valid (logable) at least once. */
    valid: ["valid", flag],
    invoiceDate: ["invoice_date", instant(reading)],
    deliveryDate: ["delivery_date", instant(reading)],
    /** Units of this currency per unit of the shop's currency, × 1,000,000. */
    conversionRate: ["conversion_rate", money],
    totalPaid: ["total_paid", money],
    totalPaidTaxIncl: ["total_paid_tax_incl", money],
    totalPaidTaxExcl: ["total_paid_tax_excl", money],
    /** May be more than `totalPaid`. */
    totalPaidReal: ["total_paid_real", money],
    totalProducts: ["total_products", money],
    totalProductsTaxIncl: ["total_products_wt", money],
    totalShippingTaxIncl: ["total_shipping_tax_incl", money],
    totalShippingTaxExcl: ["total_shipping_tax_excl", money],
    totalDiscountsTaxIncl: ["total_discounts_tax_incl", money],
    totalDiscountsTaxExcl: ["total_discounts_tax_excl", money],
    totalWrappingTaxIncl: ["total_wrapping_tax_incl", money],
    totalWrappingTaxExcl: ["total_wrapping_tax_excl", money],
    ...timestampField(reading),
    lines: ["associations", orderLines(reading)],
  });
}

/** An order without lines has no `order_rows`, and possibly no `associations`. */
function orderLines(reading: FieldReading): Field<OrderLine[]> {
  const line = orderLine(reading);
  return (associations, note) => {
    const elements = elementsOf(isRecord(associations) ? associations["order_rows"] : undefined);
    return elements.flatMap((element, index) => {
      if (isRecord(element)) return [line(element, (issue) => note(`.${index}.${issue}`))];
      note(`.${index} is no row`);
      return [];
    });
  };
}

type OrderLine = ReturnType<ReturnType<typeof orderLine>>;

function orderLine(reading: FieldReading) {
  return row({
    /** 0: it is unreadable. */
    id: ["id", rowId],
    productId: ["product_id", link],
    /** The combination; null for a product without. */
    productAttributeId: ["product_attribute_id", link],
    /** Goods may be sold in parts of a unit; six decimals. */
    quantity: ["product_quantity", quantity],
    name: ["product_name", text(reading)],
    reference: ["product_reference", text(reading)],
    ean13: ["product_ean13", text(reading)],
    unitPriceTaxIncl: ["unit_price_tax_incl", money],
    unitPriceTaxExcl: ["unit_price_tax_excl", money],
    customizationId: ["id_customization", link],
  });
}

function elementsOf(rows: unknown): unknown[] {
  return typeof rows === "object" && rows !== null ? Object.values(rows) : [];
}
