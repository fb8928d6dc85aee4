import type { Failure, Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import { idsPerPage, PageCheck, stray } from "./checked";
import { ShopConnection } from "./connection";
import type { ConnectionOptions, List } from "./connection";
import { idOf } from "./raw-row";
import type { Field } from "./fields";
import { PageSize } from "./page-size";
import { isSayable, orFilters, pageQuery } from "./query";
import type { Parameters as Query } from "./query";
import { resources } from "./resources";
import type { ShopResource, ShopRows } from "./row-types";
import type { Found, IdPage, Lookup, ShopPage, ShopPageRequest, PageSizes, Shop, ShopFacts, ShopSettings, Unreadable } from "./shop";
import { hasAllSettings, settingsFilter, settingsFrom } from "./settings";
import { joined, TruncationDetector, nothing, shopRowsById, readAll } from "./complete-list";
import { isTimezone } from "../../time/zone";

export type PrestashopOptions = ConnectionOptions;

/** A list and the requested number of rows. */
interface Sized {
  list: List;
  limit: number;
}

/** An order or product takes about a dozen queries, other rows one. The long pages of `light` are quantities. */
const heavyPace = { min: 5, start: 50, max: 100, quick: 2, slow: 5, growth: 1.5 };
const lightPace = { min: 50, start: 2500, max: 5000, quick: 3, slow: 12, growth: 2 };
/** A call without an answer that took longer counts as a page that was too large. */
const slowAnswerMs = 15_000;
/** Issues of a row that its reason names. */
const maxIssues = 3;

/**
 * A shop by the webservice of PrestaShop 1.7, 8 and 9. Only lists are requested: a single row as JSON lacks its empty fields in version 8.
 * Source: PrestaShop's classes/webservice and its documentation of the webservice.
 */
export function createPrestashop(options: PrestashopOptions): Shop {
  return new Prestashop(options);
}

class Prestashop implements Shop {
  readonly #connection: ShopConnection;
  readonly #now: () => number;
  readonly #heavy = new PageSize(heavyPace);
  readonly #light = new PageSize(lightPace);
  readonly #lengths = new TruncationDetector();
  readonly #check: PageCheck;
  readonly #readers = new Map<ShopResource, Field<ShopRows[ShopResource]>>();
  #settings: ShopSettings | undefined;

  constructor(options: PrestashopOptions) {
    this.#connection = new ShopConnection(options);
    this.#check = new PageCheck(this.#connection, this.#lengths);
    this.#now = options.now;
  }

  get pageSizes(): PageSizes {
    return { heavy: this.#heavy.size, light: this.#light.size };
  }

  resume({ settings, pageSizes }: Parameters<Shop["resume"]>[0]): void {
    if (settings && isTimezone(settings.timezone)) this.#use(settings);
    if (!pageSizes) return;
    this.#heavy.size = pageSizes.heavy;
    this.#light.size = pageSizes.light;
  }

  async test(signal: AbortSignal): Promise<Reply<ShopFacts>> {
    const head = await this.#connection.head(signal);
    if (!head.ok) return head;
    this.#settings = undefined;
    // A HEAD has no body, so only this request returns the reasons of a refusal.
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
    const ask = (filters: Query) => this.#connection.list("configurations", { ...query, ...filters }, signal);
    const reply = await readAll(ask, this.#lengths, hasAllSettings);
    if (!reply.ok) return reply;
    const settings = settingsFrom(reply.value.elements);
    if (settings.ok) this.#use(settings.value);
    return settings;
  }

  async page<R extends ShopResource>(resource: R, request: ShopPageRequest): Promise<Reply<ShopPage<ShopRows[R]>>> {
    const settings = await this.settings(request.signal);
    if (!settings.ok) return settings;
    const { window, afterId, expected, signal } = request;
    const { display, heavy } = resources[resource];
    const pace = heavy ? this.#heavy : this.#light;
    const part = { afterId, window: window && { ...window, timezone: settings.value.timezone } };
    const reply = await this.#paced(pace, resource, signal, (limit) => pageQuery({ ...part, display, limit }));
    if (!reply.ok) return reply;
    const ids = idsOf(reply.value);
    if (ids.some((id) => id <= afterId)) return failed(stray(resource));
    const { list, limit } = reply.value;
    const rows = this.#read(resource, list, settings.value);
    const page = { ...rows, lastId: Math.max(afterId, ...ids), missing: [] };
    const length = list.elements.length + list.gaps;
    this.#lengths.saw(length);
    if (length > ids.length) return this.#check.checked(resource, part, { page: { ...page, more: true }, length, limit }, signal);
    if (ids.length > 0 && length >= limit) return ok({ ...page, more: true });
    const cameAll = expected && ids.length >= expected.rows && (expected.counted || this.#lengths.isUncut(length));
    if (cameAll) return ok({ ...page, more: false });
    if (ids.length > 0 && this.#lengths.mayBeCut(length)) return ok({ ...page, more: true });
    return this.#check.checked(resource, part, { page: { ...page, more: false }, length, limit }, signal);
  }

  async find<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<Found<ShopRows[R]>>> {
    const settings = await this.settings(signal);
    if (!settings.ok) return settings;
    const sayable = by.values.filter(isSayable);
    const warnings = sayable.length < by.values.length ? [`${by.values.length - sayable.length} values cannot be looked up in ${resource}`] : [];
    const list = await this.#allOf(resource, by.field, sayable, signal, resources[resource].display);
    if (!list.ok) return list;
    const { warnings: odd, ...found } = this.#read(resource, list.value, settings.value);
    const came = new Set(found.rows.map(({ id }) => id));
    const holes = list.value.elements.length + list.value.gaps - came.size;
    const absent = by.field === "id" ? sayable.map(Number).filter((id) => !came.has(id) && (holes > 0 || id > Math.max(0, ...came))) : [];
    const doubtful = by.field === "id" ? { field: "id" as const, values: absent } : holes > 0 ? by : undefined;
    const listed = doubtful && doubtful.values.length > 0 ? await this.listed(resource, doubtful, signal) : ok([]);
    if (!listed.ok) return listed;
    return ok({ ...found, missing: listed.value.filter((id) => !came.has(id)), warnings: [...warnings, ...odd] });
  }

  async listed<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<readonly number[]>> {
    const list = await this.#allOf(resource, by.field, by.values.filter(isSayable), signal);
    return list.ok ? ok(list.value.elements.map(idOf).filter((id) => id !== null)) : list;
  }

  /** Without `display` ids only. */
  async #allOf(resource: ShopResource, field: string, values: readonly (number | string)[], signal: AbortSignal, display?: string): Promise<Reply<List>> {
    const columns: Query = display === undefined ? {} : { display };
    const ask = (filters: Query) => this.#connection.list(resource, { ...filters, ...columns, sort: "[id_ASC]" }, signal);
    if (field === "id") return shopRowsById(ask, this.#lengths, values);
    let sum = nothing;
    for (const filter of orFilters(values)) {
      const reply = await readAll((more) => ask({ [`filter[${field}]`]: filter, ...more }), this.#lengths);
      if (!reply.ok) return reply;
      sum = joined(sum, reply.value, 0);
    }
    return ok(sum);
  }

  async ids(resource: ShopResource, { afterId, window, signal }: Omit<ShopPageRequest, "expected">): Promise<Reply<IdPage>> {
    const settings = await this.settings(signal);
    if (!settings.ok) return settings;
    const part = { afterId, limit: idsPerPage, window: window && { ...window, timezone: settings.value.timezone } };
    return this.#check.ids(resource, part, signal);
  }

  /** A page that the shop could not finish is requested once more, smaller. */
  async #paced(pace: PageSize, resource: ShopResource, signal: AbortSignal, query: (size: number) => Query): Promise<Reply<Sized>> {
    const ask = async (): Promise<Reply<Sized>> => {
      const parameters = query(pace.size);
      const reply = await this.#connection.list(resource, parameters, signal);
      return reply.ok ? ok({ list: reply.value, limit: Number(parameters["limit"]) }) : reply;
    };
    const started = this.#now();
    const first = await ask();
    if (first.ok) pace.observe(first.value.list.seconds, first.value.list.elements.length);
    if (first.ok || signal.aborted || !isTooMuch(first.failure, this.#now() - started) || !pace.shrink()) return first;
    return ask();
  }

  #read<R extends ShopResource>(resource: R, list: List, settings: ShopSettings): Omit<Found<ShopRows[R]>, "missing"> {
    const read = this.#readerOf(resource, settings);
    const rows: ShopRows[R][] = [];
    const unreadable: Unreadable[] = [];
    const loaded = list.elements.filter((element) => idOf(element) !== null);
    for (const element of loaded) {
      const issues: string[] = [];
      const row = read(element, (issue) => issues.push(issue));
      rows.push(row);
      if (issues.length > 0) unreadable.push(unreadableFrom(row.id, issues));
    }
    const holes = list.elements.length - loaded.length;
    const warnings = holes > 0 ? [...list.warnings, `the shop failed to load ${holes} of its ${resource}`] : list.warnings;
    return { rows: rows.toSorted((a, b) => a.id - b.id), unreadable, warnings };
  }

  #use(settings: ShopSettings): void {
    this.#settings = settings;
    this.#readers.clear();
  }

  #readerOf<R extends ShopResource>(resource: R, settings: ShopSettings): Field<ShopRows[R]> {
    const reader = this.#readers.get(resource) ?? resources[resource].row(settings);
    this.#readers.set(resource, reader);
    return reader as Field<ShopRows[R]>;
  }
}

function unreadableFrom(id: number, issues: readonly string[]): Unreadable {
  return { id, reason: issues.slice(0, maxIssues).join(", "), fields: [...new Set(issues.map((issue) => /^\w+/.exec(issue)?.[0] ?? ""))] };
}

function isTooMuch({ code = "" }: Failure, elapsed: number): boolean {
  return ["too-large", "504", "524"].includes(code) || (code === "no-answer" && elapsed > slowAnswerMs);
}

function idsOf({ list }: Sized): number[] {
  return list.elements.map(idOf).filter((id) => id !== null);
}
