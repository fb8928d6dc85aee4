import { expectedDetail, expectedOrder, expectedProduct, productDetails, type Row, type Tables } from "./expected.ts";

/** A shop as the Worker gives it, and as it is. */
export interface Sides {
  /** The body of `GET /v1/sites/{site}{path}`. */
  ours(path: string): Promise<Record<string, unknown>>;
  /** All rows of one resource, past the webservice. */
  theirs(resource: string): Promise<Row[]>;
}

interface Wanted {
  /** Every so-manieth order is compared with its customer, addresses, payments and shipments too. Default 1. */
  detailOfEvery?: number;
  /** Local time is ambiguous: whether a date may be an hour off. Default: none may. */
  mayBeOff?: (date: string) => boolean;
}

/** Where what we have of a shop's orders differs from the shop: nothing is equal, row by row. */
export async function ordersDiffer(sides: Sides, { detailOfEvery = 1, mayBeOff = () => false }: Wanted = {}): Promise<string[]> {
  const related = ["order_states", "currencies", "customers", "addresses", "countries", "order_payments", "order_carriers", "carriers"];
  const [ours, theirs, tables] = await Promise.all([listed(sides, "orders"), sides.theirs("orders"), tablesOf(sides, related)]);
  const rows = rowsDiffer("order", ours, theirs, (row) => expectedOrder(row, tables), mayBeOff);
  const some = theirs.filter((_, index) => index % detailOfEvery === 0);
  const details = await inChunks(some, 20, async (row) => {
    const detail = await sides.ours(`/orders/${row.id}?reveal=1`);
    return differences(`order ${row.id}`, detail, expectedDetail(row, tables), mayBeOff);
  });
  return [...rows, ...details.flat()];
}

/** The same of its products. */
export async function productsDiffer(sides: Sides): Promise<string[]> {
  const related = ["manufacturers", "suppliers", "currencies", "product_suppliers", "combinations", "stock_availables"];
  const [ours, theirs, tables] = await Promise.all([listed(sides, "products"), sides.theirs("products"), tablesOf(sides, related)]);
  const details = productDetails(tables);
  return rowsDiffer(
    "product",
    ours,
    theirs,
    (row) => expectedProduct(row, tables, details),
    () => false,
  );
}

/** Every page of a list. */
export async function listed(sides: Pick<Sides, "ours">, name: "orders" | "products"): Promise<Row[]> {
  const all: Row[] = [];
  for (let cursor: unknown = ""; cursor !== null;) {
    const page = await sides.ours(`/${name}?limit=200${cursor === "" ? "" : `&cursor=${String(cursor)}`}`);
    all.push(...(page[name] as Row[]));
    cursor = page["cursor"];
  }
  return all;
}

function rowsDiffer(what: string, ours: readonly Row[], theirs: readonly Row[], expected: (row: Row) => object, mayBeOff: (date: string) => boolean): string[] {
  const own = new Map(ours.map((row) => [row.id, row]));
  const known = new Set(theirs.map(({ id }) => id));
  const twice = ours.length > own.size ? [`${ours.length - own.size} rows are listed twice`] : [];
  const strange = ours.filter(({ id }) => !known.has(id)).map(({ id }) => `${what} ${id} is not the shop's`);
  const different = theirs.flatMap((row) => {
    const mine = own.get(row.id);
    return mine ? differences(`${what} ${row.id}`, mine, expected(row), mayBeOff) : [`${what} ${row.id} is missing`];
  });
  return [...twice, ...strange, ...different];
}

/** Every field that is expected, down to the leaves. What else there is does not matter. */
function differences(path: string, actual: unknown, expected: unknown, mayBeOff: (date: string) => boolean): string[] {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return [`${path} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
    return expected.flatMap((each, index) => differences(`${path}[${index}]`, actual[index], each, mayBeOff));
  }
  if (typeof expected === "object" && expected !== null) {
    const own = (actual ?? {}) as Record<string, unknown>;
    return Object.entries(expected).flatMap(([name, each]) => differences(`${path}.${name}`, own[name], each, mayBeOff));
  }
  if (actual === expected || isAnHourOff(actual, expected, mayBeOff)) return [];
  return [`${path} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
}

function isAnHourOff(actual: unknown, expected: unknown, mayBeOff: (date: string) => boolean): boolean {
  if (typeof actual !== "string" || typeof expected !== "string" || Math.abs(Date.parse(actual) - Date.parse(expected)) !== 3_600_000) return false;
  return mayBeOff(expected);
}

async function tablesOf(sides: Sides, resources: readonly string[]): Promise<Tables> {
  const loaded = await Promise.all(resources.map(async (name) => [name, new Map((await sides.theirs(name)).map((row) => [row.id, row]))] as const));
  const tables = new Map(loaded);
  return (resource) => tables.get(resource) ?? new Map();
}

async function inChunks<T, R>(items: readonly T[], size: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += size) results.push(...(await Promise.all(items.slice(at, at + size).map(act))));
  return results;
}
