import type { Http } from "../../src/providers/http";
import { createPrestashop } from "../../src/providers/shop/prestashop";
import { ok } from "../../src/queue/effect";
import { createSyncBench } from "./shop-bench";

type Row = Record<string, unknown>;

/** A shop in memory behind the real adapter, that counts what is asked of it: lists by id, by values, and by date in UTC. */
export class WebShop {
  readonly tables: Record<string, Map<number, Row>> = {};
  readonly requests: string[] = [];
  /** What it answers in the place of a list, by its number; undefined: the list. */
  instead: (request: number) => string | undefined = () => undefined;
  /** Seconds that it states as its time for a row. */
  secondsPerRow = 0.0005;
  /** Rows that fail to load, as `orders/7`: 1.7 writes an empty list in their place, 8.2 leaves them out. */
  readonly holes = new Set<string>();
  version: "1.7" | "8.2" = "8.2";
  /** Resources that the key may not read. */
  readonly refused = new Set<string>();
  /** It gives no more rows at once, whatever it is asked for. */
  cap = Infinity;

  constructor() {
    this.put("configurations", [{ id: 1, name: "PS_TIMEZONE", value: "UTC" }]);
  }

  put(resource: string, rows: readonly Row[]): void {
    const table = (this.tables[resource] ??= new Map());
    for (const row of rows) table.set(Number(row["id"]), row);
  }

  readonly http: Http = async (request) => {
    const url = new URL(request.url);
    const resource = url.pathname.split("/api/")[1] ?? "";
    const rows = this.#select(resource, url.searchParams);
    const loads = url.searchParams.has("display");
    this.requests.push(`${loads ? "rows" : "ids"} ${resource} ${rows.length}`);
    if (this.refused.has(resource)) return ok(answer('{"errors":[{"code":26,"message":"not allowed"}]}', 0, 401));
    const text = this.instead(this.requests.length) ?? (loads ? this.#render(resource, rows) : ids(resource, rows));
    return ok(answer(text, loads ? rows.length * this.secondsPerRow : 0));
  };

  #render(resource: string, rows: readonly Row[]): string {
    const loaded = rows.map((row) => (this.holes.has(`${resource}/${String(row["id"])}`) ? [] : row));
    if (this.version === "1.7") return rows.length === 0 ? "[]" : JSON.stringify({ [resource]: loaded });
    const left = loaded.flatMap((row, at) => (Array.isArray(row) ? [] : [[at, row] as const]));
    if (left.length === 0) return "[]";
    return JSON.stringify({ [resource]: left.some(([at], place) => at !== place) ? Object.fromEntries(left) : left.map(([, row]) => row) });
  }

  #select(resource: string, query: URLSearchParams): Row[] {
    const fits = [...query].filter(([name]) => name.startsWith("filter[")).map(([name, value]) => fitOf(name.slice(7, -1), value));
    const rows = [...(this.tables[resource]?.values() ?? [])].filter((row) => fits.every((fit) => fit(row)));
    return rows.toSorted((left, right) => Number(left["id"]) - Number(right["id"])).slice(0, Math.min(this.cap, Number(query.get("limit") ?? Infinity)));
  }
}

/** The bench of a shop behind the real adapter. */
export function createWebBench(tenant: string, shop: WebShop) {
  return createSyncBench(tenant, ({ now }) => createPrestashop({ http: shop.http, url: "https://shop.example.com", key: "K".repeat(32), now }));
}

export function naive(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace("T", " ");
}

function fitOf(field: string, filter: string): (row: Row) => boolean {
  const [, operator = "", inside = ""] = /^(>?)\[(.*)\]$/.exec(filter) ?? [];
  if (operator === ">") return (row) => Number(row[field]) > Number(inside);
  const [low = "", high = ""] = /^([\d.:\-\s]+),([\d.:\-\s]+)$/.exec(inside)?.slice(1) ?? [];
  if (low !== "") return (row) => String(row[field]) >= low && String(row[field]) <= high;
  const values = new Set(inside.split("|"));
  return (row) => values.has(String(row[field]));
}

function ids(resource: string, rows: readonly Row[]): string {
  return rows.length === 0 ? "[]" : JSON.stringify({ [resource]: rows.map(({ id }) => ({ id })) });
}

function answer(body: string, seconds: number, status = 200) {
  const headers = new Headers({ "execution-time": seconds.toFixed(3), "psws-version": "8.2.0" });
  return { status, headers, bytes: new TextEncoder().encode(body), text: () => body, json: () => JSON.parse(body) as unknown };
}
