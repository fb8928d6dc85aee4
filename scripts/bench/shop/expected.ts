/** A row of the sandbox's own tables: decimals as text, dates as ISO 8601, flags as booleans. */
export type Row = Record<string, Cell> & { id: number };
type Cell = string | number | boolean | null | Line[];
type Line = Record<string, string | number>;

/** A shop's tables, each by id. */
export type Tables = (resource: string) => ReadonlyMap<number, Row>;

/** What `GET /v1/sites/{site}/orders` is to answer for an order. */
export function expectedOrder(row: Row, tables: Tables) {
  const state = tables("order_states").get(Number(row["current_state"]));
  return {
    id: row.id,
    reference: row["reference"],
    shopId: row["id_shop"],
    state: { id: row["current_state"], name: state?.["name"], paid: state?.["paid"], shipped: state?.["shipped"] },
    currency: tables("currencies").get(Number(row["id_currency"]))?.["iso_code"],
    totalPaid: row["total_paid"],
    totalPaidTaxExcl: row["total_paid_tax_excl"],
    customerId: row["id_customer"],
    dateAdd: row["date_add"],
    dateUpd: row["date_upd"],
    lines: (row["order_rows"] as Line[]).map((line) => ({
      productId: line["product_id"],
      productAttributeId: line["product_attribute_id"],
      reference: line["product_reference"],
      name: line["product_name"],
      quantity: line["product_quantity"],
      unitPriceTaxExcl: line["unit_price_tax_excl"],
    })),
  };
}

/** What `GET /v1/sites/{site}/orders/{order}?reveal=1` is to answer besides. */
export function expectedDetail(row: Row, tables: Tables) {
  const customer = tables("customers").get(Number(row["id_customer"]));
  const payments = [...tables("order_payments").values()].filter((each) => each["order_reference"] === row["reference"]);
  const shipments = [...tables("order_carriers").values()].filter((each) => each["id_order"] === row.id);
  return {
    payment: row["payment"],
    totals: {
      paidReal: row["total_paid_real"],
      products: row["total_products"],
      productsTaxIncl: row["total_products_wt"],
      shippingTaxIncl: row["total_shipping_tax_incl"],
      shippingTaxExcl: row["total_shipping_tax_excl"],
      discountsTaxIncl: row["total_discounts_tax_incl"],
      discountsTaxExcl: row["total_discounts_tax_excl"],
      wrappingTaxIncl: row["total_wrapping_tax_incl"],
      wrappingTaxExcl: row["total_wrapping_tax_excl"],
    },
    customer: customer ? personOf(customer) : null,
    deliveryAddress: addressOf(row["id_address_delivery"], tables),
    invoiceAddress: addressOf(row["id_address_invoice"], tables),
    payments: payments.map((each) => ({ method: each["payment_method"], amount: each["amount"], date: each["date_add"] })),
    shipments: shipments.map((each) => ({
      carrier: tables("carriers").get(Number(each["id_carrier"]))?.["name"],
      trackingNumber: each["tracking_number"],
      date: each["date_add"],
    })),
  };
}

/** What `GET /v1/sites/{site}/products` is to answer for a product. */
export function expectedProduct(row: Row, tables: Tables, of: ProductDetails) {
  const maker = tables("manufacturers").get(Number(row["id_manufacturer"]));
  const offers = of.offers(row.id);
  const suppliers = [...new Set([...offers.map((offer) => Number(offer["id_supplier"])), Number(row["id_supplier"])])].toSorted((a, b) => a - b);
  return {
    id: row.id,
    reference: row["reference"],
    name: row["name"],
    price: row["price"],
    active: row["active"],
    quantity: of.quantity(row.id, 0),
    ean13: row["ean13"],
    ...(maker && { manufacturer: { id: maker.id, name: maker["name"] } }),
    suppliers: suppliers.map((id) => ({
      id,
      name: tables("suppliers").get(id)?.["name"],
      default: id === row["id_supplier"],
      references: offers
        .filter((offer) => offer["id_supplier"] === id)
        .map((offer) => ({
          productAttributeId: offer["id_product_attribute"],
          reference: offer["product_supplier_reference"],
          price: offer["product_supplier_price_te"],
          currency: tables("currencies").get(Number(offer["id_currency"]))?.["iso_code"],
        })),
    })),
    combinations: of.combinations(row.id).map((each) => ({
      id: each.id,
      reference: each["reference"],
      ean13: each["ean13"],
      priceImpact: each["price"],
      price: sum(String(row["price"]), String(each["price"])),
      quantity: of.quantity(row.id, each.id),
    })),
    dateUpd: row["date_upd"],
  };
}

export interface ProductDetails {
  quantity(product: number, combination: number): Cell;
  offers(product: number): readonly Row[];
  combinations(product: number): readonly Row[];
}

/** Looks a product's rows up without walking all of them each time. */
export function productDetails(tables: Tables): ProductDetails {
  const group = (resource: string) => Map.groupBy(tables(resource).values(), (row) => row["id_product"]);
  const [offers, combinations] = [group("product_suppliers"), group("combinations")];
  const quantities = new Map([...tables("stock_availables").values()].map((row) => [`${row["id_product"]}/${row["id_product_attribute"]}`, row["quantity"]]));
  return {
    quantity: (product, combination) => quantities.get(`${product}/${combination}`) ?? 0,
    offers: (product) => offers.get(product) ?? [],
    combinations: (product) => combinations.get(product) ?? [],
  };
}

function personOf(row: Row) {
  return {
    id: row.id,
    firstName: row["firstname"],
    lastName: row["lastname"],
    email: row["email"],
    company: row["company"],
    isGuest: row["is_guest"],
    active: row["active"],
    deleted: row["deleted"],
    anonymous: row["email"] === "anonymous@psgdpr.com",
  };
}

function addressOf(id: Cell | undefined, tables: Tables) {
  const row = tables("addresses").get(Number(id));
  if (!row) return null;
  return {
    id: row.id,
    customerId: row["id_customer"],
    alias: row["alias"],
    firstName: row["firstname"],
    lastName: row["lastname"],
    address1: row["address1"],
    postcode: row["postcode"],
    city: row["city"],
    phone: row["phone"],
    country: tables("countries").get(Number(row["id_country"]))?.["iso_code"],
  };
}

/** Of decimals as the shop writes them, in millionths. */
function sum(...texts: string[]): string {
  const total = texts.reduce((all, text) => all + BigInt(text.replace(".", "")), 0n);
  const digits = String(total < 0n ? -total : total).padStart(7, "0");
  return `${total < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
