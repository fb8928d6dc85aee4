import * as v from "valibot";
import type { Failure, Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import { Connection } from "./connection";
import type { ConnectionOptions, List } from "./connection";
import { rowId } from "./fields";
import { Pace } from "./pace";
import { isSayable, orFilters, pageQuery } from "./query";
import type { ListQuery, Parameters as Query } from "./query";
import { resources } from "./resources";
import type { ShopResource, ShopRows } from "./rows";
import type { Found, IdPage, Lookup, Page, PageRequest, PageSizes, Shop, ShopFacts, ShopSettings, Unreadable } from "./shop";
import { settingsFilter, settingsFrom } from "./settings";
import { isZone } from "./zone";

export type PrestashopOptions = ConnectionOptions;

/** A list and how many rows were asked for. */
interface Sized {
  list: List;
  limit: number;
}

/** An id costs the shop an empty object. */
const idsPerPage = 5000;
/** A row of an order, or of a product, is a dozen queries; others are one. The long pages of `light` are those of quantities. */
const heavyPace = { least: 5, start: 50, most: 100, quick: 2, slow: 5, growth: 1.5 };
const lightPace = { least: 50, start: 2500, most: 5000, quick: 3, slow: 12, growth: 2 };
/** An answer that took longer than this and did not come is taken for a page that was too large. */
const patience = 15_000;
/** Named of a row that cannot be read. */
const mostIssues = 3;

/**
 * A shop by the webservice of PrestaShop 1.7, 8 and 9. Only lists are asked for: a single row as JSON lacks its empty fields in 8.
 * Source: PrestaShop's classes/webservice and its documentation of the webservice.
 */
export function prestashop(options: PrestashopOptions): Shop {
  return new Prestashop(options);
}

class Prestashop implements Shop {
  readonly #connection: Connection;
  readonly #now: () => number;
  readonly #heavy = new Pace(heavyPace);
  readonly #light = new Pace(lightPace);
  readonly #schemas = new Map<ShopResource, v.GenericSchema<unknown, ShopRows[ShopResource]>>();
  #settings: ShopSettings | undefined;

  constructor(options: PrestashopOptions) {
    this.#connection = new Connection(options);
    this.#now = options.now;
  }

  get pageSizes(): PageSizes {
    return { heavy: this.#heavy.size, light: this.#light.size };
  }

  resume({ settings, pageSizes }: Parameters<Shop["resume"]>[0]): void {
    if (settings && isZone(settings.timeZone)) this.#use(settings);
    if (!pageSizes) return;
    this.#heavy.size = pageSizes.heavy;
    this.#light.size = pageSizes.light;
  }

  async test(signal: AbortSignal): Promise<Reply<ShopFacts>> {
    const head = await this.#connection.head(signal);
    if (!head.ok) return head;
    this.#settings = undefined;
    // A HEAD has no body, so a refusal gives its reasons here only.
    const settings = await this.settings(signal);
    if (settings.ok) return ok({ ...settings.value, version: head.value.version });
    const lasting = settings.failure.code === "html" || settings.failure.code === "unreadable";
    return lasting ? failed({ ...settings.failure, class: "config" }) : settings;
  }

  async permissions(wanted: readonly ShopResource[], signal: AbortSignal): Promise<Reply<{ missing: ShopResource[] }>> {
    const missing: ShopResource[] = [];
    for (const resource of wanted) {
      const reply = await this.#connection.list(resource, { limit: "1" }, signal);
      if (reply.ok) continue;
      if (reply.failure.code !== "26" && reply.failure.code !== "25") return reply;
      missing.push(resource);
    }
    return ok({ missing });
  }

  async settings(signal: AbortSignal): Promise<Reply<ShopSettings>> {
    if (this.#settings) return ok(this.#settings);
    const query = { "filter[name]": settingsFilter, display: "[id,name,value]", sort: "[id_ASC]" };
    const reply = await this.#connection.list("configurations", query, signal);
    if (!reply.ok) return reply;
    const settings = settingsFrom(reply.value.elements);
    if (settings.ok) this.#use(settings.value);
    return settings;
  }

  async page<R extends ShopResource>(resource: R, request: PageRequest): Promise<Reply<Page<ShopRows[R]>>> {
    const settings = await this.settings(request.signal);
    if (!settings.ok) return settings;
    const { window, afterId, expected = Infinity, signal } = request;
    const { display, heavy } = resources[resource];
    const pace = heavy ? this.#heavy : this.#light;
    const part = { afterId, window: window && { ...window, timeZone: settings.value.timeZone } };
    const reply = await this.#paced(pace, resource, signal, (limit) => pageQuery({ ...part, display, limit }));
    if (!reply.ok) return reply;
    const ids = idsOf(reply.value);
    if (ids.some((id) => id <= afterId)) return failed(stray(resource));
    const found = this.#read(resource, reply.value.list, settings.value);
    const lastId = Math.max(afterId, ...ids);
    if (ids.length > 0 && reply.value.list.elements.length >= reply.value.limit) return ok({ ...found, lastId, more: true });
    if (ids.length >= expected) return ok({ ...found, lastId, more: false });
    return this.#end(resource, { ...part, afterId: lastId, limit: reply.value.limit }, { ...found, lastId, more: false }, request);
  }

  /**
   * Whether a page that is not full is the last. Rows that the shop fails to load are missing from it, in 8 without a trace, so only the
   * list of ids can tell. Where not one row could be loaded, it tells behind which id to go on, too.
   */
  async #end<Row>(resource: ShopResource, part: ListQuery, page: Page<Row>, { afterId: from, signal }: PageRequest): Promise<Reply<Page<Row>>> {
    const behind = await this.#ids(resource, part, signal);
    if (!behind.ok) return behind;
    const { ids, lastId } = behind.value;
    if (ids.length === 0) return ok(page);
    if (part.afterId > from) return ok({ ...page, more: true });
    const again = await this.#connection.list(resource, pageQuery({ ...part, display: resources[resource].display }), signal);
    if (!again.ok) return again;
    // What came in between the two lists can be loaded now.
    if (again.value.elements.some((element) => idOf(element) !== null)) return ok({ ...page, more: true });
    return ok({ ...page, lastId, more: true, warnings: [`the shop failed to load ${ids.length} of its ${resource} behind id ${part.afterId}`] });
  }

  async find<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<Found<ShopRows[R]>>> {
    const settings = await this.settings(signal);
    if (!settings.ok) return settings;
    const sayable = by.values.filter(isSayable);
    const warnings = sayable.length < by.values.length ? [`${by.values.length - sayable.length} values cannot be looked up in ${resource}`] : [];
    const found: Found<ShopRows[R]>[] = [{ rows: [], unreadable: [], warnings }];
    for (const filter of orFilters(sayable)) {
      const reply = await this.#connection.list(resource, { [`filter[${by.field}]`]: filter, display: resources[resource].display, sort: "[id_ASC]" }, signal);
      if (!reply.ok) return reply;
      found.push(this.#read(resource, reply.value, settings.value));
    }
    return ok(joined(found));
  }

  async ids(resource: ShopResource, { afterId, window, signal }: Omit<PageRequest, "expected">): Promise<Reply<IdPage>> {
    const settings = await this.settings(signal);
    if (!settings.ok) return settings;
    const part = { afterId, limit: idsPerPage, window: window && { ...window, timeZone: settings.value.timeZone } };
    return this.#ids(resource, part, signal);
  }

  async #ids(resource: ShopResource, part: ListQuery, signal: AbortSignal): Promise<Reply<IdPage>> {
    const reply = await this.#connection.list(resource, pageQuery(part), signal);
    if (!reply.ok) return reply;
    const ids = reply.value.elements.map(idOf);
    const known = ids.filter((id) => id !== null);
    // To miss one would be to call its row deleted.
    if (known.length < ids.length || known.some((id) => id <= part.afterId)) return failed(stray(resource));
    return ok({ ids: known.toSorted((a, b) => a - b), lastId: Math.max(part.afterId, ...known), full: known.length >= part.limit, more: known.length > 0 });
  }

  /** A page that the shop could not finish is asked for once more, smaller. */
  async #paced(pace: Pace, resource: ShopResource, signal: AbortSignal, query: (size: number) => Query): Promise<Reply<Sized>> {
    const ask = async (): Promise<Reply<Sized>> => {
      const parameters = query(pace.size);
      const reply = await this.#connection.list(resource, parameters, signal);
      return reply.ok ? ok({ list: reply.value, limit: Number(parameters["limit"]) }) : reply;
    };
    const started = this.#now();
    const first = await ask();
    if (first.ok) pace.took(first.value.list.seconds, first.value.list.elements.length);
    if (first.ok || signal.aborted || !isTooMuch(first.failure, this.#now() - started) || !pace.shrink()) return first;
    return ask();
  }

  #read<R extends ShopResource>(resource: R, list: List, settings: ShopSettings): Found<ShopRows[R]> {
    const schema = this.#schemaOf(resource, settings);
    const rows: ShopRows[R][] = [];
    const unreadable: Unreadable[] = [];
    const loaded = list.elements.filter((element) => !isHole(element));
    for (const element of loaded) {
      const read = v.safeParse(schema, element);
      if (read.success) rows.push(read.output);
      else unreadable.push({ id: idOf(element), reason: read.issues.slice(0, mostIssues).map(sentence).join(", ") });
    }
    const holes = list.elements.length - loaded.length;
    const warnings = holes > 0 ? [...list.warnings, `the shop failed to load ${holes} of its ${resource}`] : list.warnings;
    return { rows: rows.toSorted((a, b) => a.id - b.id), unreadable, warnings };
  }

  #use(settings: ShopSettings): void {
    this.#settings = settings;
    this.#schemas.clear();
  }

  #schemaOf<R extends ShopResource>(resource: R, settings: ShopSettings): v.GenericSchema<unknown, ShopRows[R]> {
    const known = this.#schemas.get(resource) ?? resources[resource].row(settings);
    this.#schemas.set(resource, known);
    return known as v.GenericSchema<unknown, ShopRows[R]>;
  }
}

function sentence(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? "row"} ${issue.message}`;
}

/** A page cache in front of /api, or a module that changes the lists. */
function stray(resource: ShopResource): Failure {
  const reason = `the shop answered with ${resource} that were not asked for: is there a cache in front of /api?`;
  return { class: "transient", code: "unreadable", reason };
}

function isTooMuch({ code = "" }: Failure, elapsed: number): boolean {
  return ["too-large", "504", "524"].includes(code) || (code === "no-answer" && elapsed > patience);
}

/** What stands for a row that the shop failed to load. */
function isHole(element: unknown): boolean {
  return typeof element !== "object" || element === null || Array.isArray(element) || Object.keys(element).length === 0;
}

function idsOf({ list }: Sized): number[] {
  return list.elements.map(idOf).filter((id) => id !== null);
}

function idOf(element: unknown): number | null {
  const id = isHole(element) ? null : (element as Record<string, unknown>)["id"];
  const read = v.safeParse(rowId, id);
  return read.success ? read.output : null;
}

function joined<Row extends { id: number }>(found: readonly Found<Row>[]): Found<Row> {
  return {
    rows: found.flatMap(({ rows }) => rows),
    unreadable: found.flatMap(({ unreadable }) => unreadable),
    warnings: [...new Set(found.flatMap(({ warnings }) => warnings))],
  };
}
