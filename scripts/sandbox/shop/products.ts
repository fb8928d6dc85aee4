import { column, plan } from "./plan.ts";
import type { Draw } from "./draw.ts";
import type { ShopSettings } from "./settings.ts";
import type { Plan } from "./table.ts";

export const suppliers = 4;
const makers = 6;
/** Every third product has three combinations: 3 has 1 to 3, 6 has 4 to 6, … */
const perProduct = 3;
const day = 86_400_000;

export interface Item {
  productId: number;
  attributeId: number;
  /** Millionths, without tax. */
  price: number;
  reference: string;
  name: string;
}

export function priceOf(draw: Draw, product: number): number {
  return (500 + draw("price", product, 20_000)) * 10_000;
}

/** What a line of an order sells. */
export function itemOf(draw: Draw, productId: number, choice: number): Item {
  const attributeId = productId % 3 === 0 ? productId - 3 + 1 + (choice % perProduct) : 0;
  const price = priceOf(draw, productId) + (attributeId === 0 ? 0 : impactOf(attributeId));
  const name = `${nameOf(draw, productId)}${attributeId === 0 ? "" : ` - Size ${attributeId % perProduct}`}`;
  return { productId, attributeId, price, reference: attributeId === 0 ? `P-${productId}` : `P-${productId}-${attributeId}`, name };
}

export function productPlans(settings: ShopSettings, draw: Draw): Plan[] {
  const { products, until } = settings;
  const combinations = Math.floor(products / 3) * perProduct;
  const productOf = (combination: number) => Math.ceil(combination / perProduct) * 3;
  const added = (id: number) => until - (((products - id + 1) * 3) % 1000) * day;
  const second = Math.floor(products / 4);
  return [
    plan(
      "products",
      "product",
      products,
      {
        id_manufacturer: column("int", (id) => (id % 5 === 0 ? 0 : 1 + draw("maker", id, makers))),
        id_supplier: column("int", (id) => supplierOf(draw, id)),
        id_category_default: column("int", () => 2),
        id_default_combination: column("int", (id) => (id % 3 === 0 ? id - 2 : 0)),
        manufacturer_name: column("dynamic", () => ""),
        quantity: column("dynamic", () => "0"),
        reference: column("text", (id) => `P-${id}`),
        supplier_reference: column("text", (id) => `S${id}`),
        ean13: column("text", (id) => (id % 7 === 0 ? "" : String(4_000_000_000_000 + id))),
        price: column("decimal", (id) => priceOf(draw, id)),
        wholesale_price: column("decimal", (id) => (priceOf(draw, id) / 10) * 6),
        active: column("flag", (id) => (id % 11 === 0 ? 0 : 1)),
        available_date: column("day", () => null),
        name: column("words", (id) => nameOf(draw, id)),
        // Every fourth product has no description.
        description: column("words", (id) => (id % 4 === 0 ? "" : `<p>${nameOf(draw, id)} & more "things".</p>`)),
        meta_title: column("words", (id) => (id % 4 === 0 ? "" : nameOf(draw, id))),
        date_add: column("date", added),
        date_upd: column("date", (id) => added(id) + draw("product upd", id, Math.min(20 * 86_400, Math.floor((until - added(id)) / 1000))) * 1000),
      },
      { categories: { one: "category", rows: () => [{ id: { kind: "int", value: 2 } }] } },
    ),
    plan("combinations", "combination", combinations, {
      id_product: column("int", productOf),
      reference: column("text", (id) => `P-${productOf(id)}-${id}`),
      ean13: column("text", () => ""),
      price: column("decimal", impactOf),
      wholesale_price: column("decimal", () => 0),
      quantity: column("number", () => 0),
      minimal_quantity: column("number", () => 1),
      available_date: column("day", () => null),
    }),
    plan("stock_availables", "stock_available", products + combinations, {
      id_product: column("int", (id) => (id <= products ? id : productOf(id - products))),
      id_product_attribute: column("int", (id) => (id <= products ? 0 : id - products)),
      id_shop: column("int", () => 1),
      id_shop_group: column("int", () => 0),
      quantity: column("int", (id) => stockOf(draw, id, products)),
      depends_on_stock: column("flag", () => 0),
      out_of_stock: column("int", () => 2),
    }),
    named("manufacturers", "manufacturer", makers, "Brand"),
    named("suppliers", "supplier", suppliers, "Supplier"),
    plan("product_suppliers", "product_supplier", products + second, {
      id_product: column("int", (id) => (id <= products ? id : (id - products) * 4)),
      id_product_attribute: column("int", () => 0),
      id_supplier: column("int", (id) => (id <= products ? supplierOf(draw, id) : 1 + (supplierOf(draw, (id - products) * 4) % suppliers))),
      id_currency: column("int", () => 1),
      product_supplier_reference: column("text", (id) => `S${id}`),
      product_supplier_price_te: column("decimal", (id) => (priceOf(draw, id <= products ? id : (id - products) * 4) / 10) * 5),
    }),
  ];
}

function named(name: string, one: string, count: number, word: string): Plan {
  return plan(name, one, count, { name: column("text", (id) => `${word} ${id}`), active: column("flag", () => 1) });
}

function supplierOf(draw: Draw, product: number): number {
  return 1 + draw("supplier", product, suppliers);
}

/** A product with combinations has their sum. */
function stockOf(draw: Draw, id: number, products: number): number {
  if (id > products || id % 3 !== 0) return draw("stock", id, 60) - 5;
  return [1, 2, 3].reduce((sum, at) => sum + draw("stock", products + id - 3 + at, 60) - 5, 0);
}

function impactOf(combination: number): number {
  return ((combination % perProduct) - 1) * 1_000_000;
}

function nameOf(draw: Draw, product: number): string {
  const kinds = ["Mug", "Vase", "T-shirt", "Poster", "Lamp", "Cushion", "Notebook", "Pencil"];
  const looks = ["Blue", "Große", "Été", "Plain", "Žlutá", "Striped", "O'Hara's", "50 % off"];
  return `${looks[draw("look", product, looks.length)]} ${kinds[draw("kind", product, kinds.length)]} ${product}`;
}
