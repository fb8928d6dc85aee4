import type { Field, FieldReading } from "./fields";
import { order } from "./order";
import type { ShopResource, ShopRows } from "./row-types";
import * as rows from "./rows";

/** How a resource is requested and read. */
interface Resource<Row> {
  /** `full`, or the fields by name where the whole row is large or contains secrets. Only fields of 1.7, 8 and 9: an unknown field refuses the list. */
  display: string;
  /** Whether a row loads more than its own table. */
  heavy: boolean;
  /** Reads an element of a loaded row. */
  row(reading: FieldReading): Field<Row>;
}

export const resources: { [R in ShopResource]: Resource<ShopRows[R]> } = {
  orders: { display: "full", heavy: true, row: order },
  order_states: { ...light("id,name,paid,shipped,delivery,logable,invoice,deleted,color"), row: rows.orderState },
  order_payments: { ...light("id,order_reference,id_currency,amount,payment_method,date_add"), row: rows.orderPayment },
  order_carriers: {
    ...light("id,id_order,id_carrier,id_order_invoice,weight,shipping_cost_tax_excl,shipping_cost_tax_incl,tracking_number,date_add"),
    row: rows.orderCarrier,
  },
  carriers: { ...light("id,id_reference,name,active,deleted,url"), row: rows.carrier },
  customers: { ...light("id,id_default_group,id_lang,firstname,lastname,email,company,is_guest,active,deleted,date_add,date_upd"), row: rows.customer },
  addresses: {
    ...light(
      "id,id_customer,id_manufacturer,id_supplier,id_country,id_state,alias,company,lastname,firstname,vat_number,address1,address2,postcode,city,phone,phone_mobile,deleted,date_add,date_upd",
    ),
    row: rows.address,
  },
  countries: { ...light("id,iso_code"), row: rows.country },
  // `precision` came with 1.7.6, so it cannot be requested by name.
  currencies: { display: "full", heavy: false, row: rows.currency },
  products: {
    display:
      "[id,id_manufacturer,id_supplier,id_default_combination,reference,supplier_reference,ean13,price,wholesale_price,active,name,description,meta_title,date_add,date_upd]",
    heavy: true,
    row: rows.product,
  },
  combinations: { ...light("id,id_product,reference,ean13,price,wholesale_price"), row: rows.combination },
  stock_availables: { ...light("id,id_product,id_product_attribute,quantity"), row: rows.stock },
  manufacturers: { ...light("id,name,active"), row: rows.maker },
  suppliers: { ...light("id,name,active"), row: rows.maker },
  product_suppliers: {
    ...light("id,id_product,id_product_attribute,id_supplier,id_currency,product_supplier_reference,product_supplier_price_te"),
    row: rows.productSupplier,
  },
};

function light(fields: string): { display: string; heavy: false } {
  return { display: `[${fields}]`, heavy: false };
}
