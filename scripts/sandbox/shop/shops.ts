import type { Reply } from "../provider.ts";
import { catalogue } from "./catalogue.ts";
import { applyChange, readChange, type Change } from "./changes.ts";
import { Hold } from "./hold.ts";
import { decimal } from "./render.ts";
import { defaults, flawsOf, type ShopSettings } from "./settings.ts";
import type { Kind, Table, Value } from "./table.ts";
import type { Shop } from "./webservice.ts";

export interface Open extends Shop {
  /** Requests by resource; "" is the webservice itself. */
  requests: Map<string, number>;
  /** Calls at once: now, and the most there ever were. */
  inside: number;
  most: number;
  /** The most rows and bytes that one answer ever had, by resource. */
  largest: Record<string, { rows: number; bytes: number }>;
  hold: Hold;
  /** What is to happen once its resource was asked for often enough. */
  pending: { change: Change; left: number }[];
}

/** The shops of one sandbox, and how they are made and changed: `/__shops` of the provider. */
export class Shops {
  readonly #now: () => number;
  readonly #shops = new Map<string, Open>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `demo` is there without being made. */
  get(name: string): Open | undefined {
    if (name === "demo" && !this.#shops.has(name)) this.#put(name, {});
    return this.#shops.get(name);
  }

  clear(): void {
    for (const { hold } of this.#shops.values()) hold.release();
    this.#shops.clear();
  }

  /** Counts a request and lets happen what was to happen by now. */
  countRequest(shop: Open, resource: string): void {
    shop.requests.set(resource, (shop.requests.get(resource) ?? 0) + 1);
    for (const each of shop.pending.filter(({ change }) => change.resource === resource)) {
      if (--each.left > 0) continue;
      shop.pending.splice(shop.pending.indexOf(each), 1);
      this.#apply(shop, each.change);
    }
  }

  /** Takes down how large an answer was. */
  answered({ largest }: Open, resource: string, rows: number, bytes: number): void {
    const { rows: most, bytes: longest } = largest[resource] ?? { rows: 0, bytes: 0 };
    largest[resource] = { rows: Math.max(most, rows), bytes: Math.max(longest, bytes) };
  }

  /**
   * `POST /__shops` {name, …settings} makes one anew; `GET`, `PATCH` {…settings} and `DELETE /__shops/{name}`;
   * `POST /__shops/{name}/changes` changes rows; `POST /__shops/{name}/hold` {afterRequests: 1} lets calls wait, `DELETE` lets them go; `GET /__shops/{name}/rows/{resource}?after&limit` is the truth about them.
   */
  control(method: string, path: string, query: URLSearchParams, body: string): Reply {
    const [, , name, part, resource] = path.split("/");
    const input = method === "GET" || method === "DELETE" ? {} : objectFrom(body);
    if (!input) return wrong(400, ["The body is not a JSON object."]);
    if (name === undefined) return method === "POST" ? this.#make(input) : wrong(405, ["POST makes a shop."]);
    const shop = this.get(name);
    if (!shop) return wrong(404, ["There is no such shop."]);
    if (part === "changes" && method === "POST") return this.#change(shop, input);
    if (part === "hold") return hold(shop, method, input);
    if (part === "rows" && method === "GET") return truth(shop, resource ?? "", query);
    if (part === undefined && method === "GET") return ok(summary(name, shop));
    if (part === undefined && method === "PATCH") return reset(name, shop, input);
    if (part === undefined && method === "DELETE") return this.#shops.delete(name) ? { status: 204, body: "" } : wrong(404, []);
    return wrong(404, ["There is nothing here."]);
  }

  #make({ name, ...settings }: Record<string, unknown>): Reply {
    const issues = flawsOf(settings);
    if (typeof name !== "string" || !/^[a-z0-9-]{1,63}$/.test(name)) issues.push('"name" must match [a-z0-9-]{1,63}.');
    if (issues.length > 0) return wrong(422, issues);
    return { status: 201, body: summary(String(name), this.#put(String(name), settings)) };
  }

  #put(name: string, settings: Partial<ShopSettings>): Open {
    const whole = { ...defaults(this.#now()), ...settings };
    const unused = { requests: new Map<string, number>(), inside: 0, most: 0, largest: {} };
    const open: Open = { settings: whole, tables: catalogue(whole), ...unused, hold: new Hold(), pending: [] };
    this.#shops.get(name)?.hold.release();
    this.#shops.set(name, open);
    return open;
  }

  #change(shop: Open, input: Record<string, unknown>): Reply {
    const read = readChange(input, shop.tables);
    if ("issues" in read) return wrong(422, read.issues);
    const { afterRequests } = read.change;
    if (afterRequests === undefined) return ok(this.#apply(shop, read.change));
    shop.pending.push({ change: read.change, left: afterRequests });
    return { status: 202, body: { pending: shop.pending.length } };
  }

  #apply(shop: Open, change: Change) {
    const table = shop.tables.get(change.resource);
    return table ? applyChange(table, change, this.#now()) : {};
  }
}

/** What makes the rows cannot be changed without making the shop anew. */
const fixed: readonly (keyof ShopSettings)[] = ["seed", "orders", "products", "spanDays", "until"];

function reset(name: string, shop: Open, input: Record<string, unknown>): Reply {
  const issues = [...flawsOf(input), ...fixed.filter((field) => field in input).map((field) => `"${field}" cannot be changed: make the shop anew.`)];
  if (issues.length > 0) return wrong(422, issues);
  Object.assign(shop.settings, input);
  return ok(summary(name, shop));
}

function hold({ hold: held }: Open, method: string, { afterRequests = 1 }: Record<string, unknown>): Reply {
  if (method === "DELETE") return (held.release(), { status: 204, body: "" });
  if (method !== "POST") return wrong(405, ["POST lets calls wait, DELETE lets them go."]);
  if (!Number.isInteger(afterRequests) || Number(afterRequests) < 1) return wrong(422, ['"afterRequests" must be a whole number from 1.']);
  held.from(Number(afterRequests));
  return ok({ waiting: held.waiting });
}

function summary(name: string, { settings, tables, requests, inside, most, largest, hold: held, pending }: Open) {
  const { key: _key, ...shown } = settings;
  const total = [...requests.values()].reduce((sum, count) => sum + count, 0);
  const counts = Object.fromEntries([...tables].map(([resource, table]) => [resource, table.plan.count]));
  const requestCounts = { total, ...Object.fromEntries(requests) };
  return { name, ...shown, made: counts, requests: requestCounts, concurrency: { now: inside, most }, largest, held: held.waiting, pending: pending.length };
}

/** Every row as it is meant: decimals as text, dates as ISO 8601 or null, numbers as numbers, flags as booleans. */
function truth({ tables }: Open, resource: string, query: URLSearchParams): Reply {
  const table = tables.get(resource);
  if (!table) return wrong(404, ["There is no such resource."]);
  const limit = Math.min(10_000, Number(query.get("limit") ?? 1000));
  const ids: number[] = [];
  for (const id of table.ids(Number(query.get("after") ?? 0))) if (ids.push(id) >= limit) break;
  return ok({ rows: ids.map((id) => meant(table, id)), after: ids.length < limit ? null : ids.at(-1) });
}

function meant(table: Table, id: number): Record<string, unknown> {
  const { columns, associations } = table.plan;
  const fields = Object.entries(columns).map(([name, { kind }]) => [name, plain(kind, table.value(id, name))]);
  const lists = Object.entries(associations).map(([name, { rows }]) => {
    return [name, rows(id).map((row) => Object.fromEntries(Object.entries(row).map(([field, { kind, value }]) => [field, plain(kind, value)])))];
  });
  return Object.fromEntries([...fields, ...lists]);
}

function plain(kind: Kind, value: Value): unknown {
  if (value === null) return null;
  if (kind === "decimal") return decimal(Number(value));
  if (kind === "date" || kind === "day") return new Date(Number(value)).toISOString();
  if (kind === "flag") return Boolean(value);
  return value;
}

function objectFrom(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function ok(body: unknown): Reply {
  return { status: 200, body };
}

function wrong(status: number, issues: readonly string[]): Reply {
  return { status, body: { error: issues.join(" "), issues } };
}
