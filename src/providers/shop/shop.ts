import type { Reply } from "../../queue/effect";
import type { ShopResource, ShopRows } from "./row-types";

/**
 * The shops of a tenant. Every call is a read; nothing here changes a shop. The gate `shop:{siteId}` gets the results of its calls.
 * Failures: `config` — the operator or merchant must act before any call can succeed (key, permission, address, switched off):
 * pause the site and show the reason; `transient` and `limited` — by themselves over; `permanent` — this one request never succeeds.
 * `code` is PrestaShop's own number (`"26"`: the key lacks the resource) or one of ShopFailureCode.
 */
export interface Shops {
  /** Makes no call. A site that is missing or whose key cannot be read is a `config` failure. */
  open(siteId: string): Promise<Reply<Shop>>;
}

/** What went wrong where PrestaShop gave no number. */
export type ShopFailureCode =
  | "site" // not there, or its key must be set again
  | "address" // may not be called, or the key cannot be sent
  | "no-key" // the Authorization header did not arrive
  | "redirect" // the address is not the canonical one
  | "html" // a page where data should be: maintenance, login, another program
  | "blocked" // a firewall in front of the shop
  | "not-prestashop" // answers, but not as a webservice
  | "certificate"
  | "unreadable" // neither JSON nor XML, or rows that are no rows
  | "time-zone" // PS_TIMEZONE is missing or unknown
  | "no-answer"
  | "too-large" // even a small page is larger than what is read
  | `${number}`; // an HTTP status

/** One shop, for one run: it remembers the settings it read and how many rows a page may have. One call at a time. */
export interface Shop {
  /**
   * Whether address, key and webservice work; `HEAD /api/`, then the settings. `failure.reason` says what to do.
   * The permissions of single resources show when they are read, or by `permissions`.
   */
  test(signal: AbortSignal): Promise<Reply<ShopFacts>>;
  /** Which of these the key may not read, by one cheap request each. */
  permissions(resources: readonly ShopResource[], signal: AbortSignal): Promise<Reply<{ missing: ShopResource[] }>>;
  /** Read once per Shop, by one request; windows and dates need it. */
  settings(signal: AbortSignal): Promise<Reply<ShopSettings>>;
  /**
   * The rows behind `afterId`, ordered by id, at most one page of them. Go on with `afterId: page.lastId` while `page.more`;
   * a row that changes meanwhile leaves the window and is in the next one.
   */
  page<R extends ShopResource>(resource: R, request: PageRequest): Promise<Reply<Page<ShopRows[R]>>>;
  /**
   * The rows whose field has one of these values, whatever their number (split over several requests so that no URL grows over 2 kB).
   * What is not there is not in the result: a deleted customer, an order that is not committed yet. Where rows were left out visibly, or
   * rows asked for by id are missing at the end of the answer, a list of ids shows those that failed to load. One that is left out
   * without a trace in another lookup shows in `listed` only.
   */
  find<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<Found<ShopRows[R]>>>;
  /** The ids of the rows that `find` looks for, those among them that the shop fails to load. No row is loaded. */
  listed<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<readonly number[]>>;
  /** Ids only, thousands at once, cheap (no row is loaded): for counting, and for telling what was deleted. Rows that the shop fails to load are in it. */
  ids(resource: ShopResource, request: Omit<PageRequest, "expected">): Promise<Reply<IdPage>>;
  /** What a page has now; adapts to the shop's `Execution-Time`. Keep it and hand it to `resume`. */
  readonly pageSizes: PageSizes;
  /** Starts from what an earlier run found out; saves the request for the settings. */
  resume(known: { settings?: ShopSettings | undefined; pageSizes?: PageSizes | undefined }): void;
}

export interface ShopFacts extends ShopSettings {
  /** `8.2.0`; null when a proxy removes the header. */
  version: string | null;
}

export interface ShopSettings {
  /** IANA name; all dates of the shop are naive local time of this zone. */
  timezone: string;
  /** Language of names that come in several; null when the shop does not send it. */
  languageId: number | null;
  /** Currency of product prices. */
  currencyId: number | null;
}

/** Rows of a page: of resources that load much besides each row (orders, products), and of the others. */
export interface PageSizes {
  heavy: number;
  light: number;
}

/** UTC milliseconds, closed at both ends, whole seconds. Across the hour that a clock change repeats it covers both, so more may come back than was asked. */
export interface Window {
  from: number;
  to: number;
}

export interface PageRequest {
  /** Only what was changed within; for resources with a `dateUpd`. Without it: all rows. */
  window?: Window | undefined;
  /** 0 for the first page. */
  afterId: number;
  /**
   * How many rows the shop has behind `afterId`, so that the list of ids need not be asked whether a page that is not full is the last.
   * `counted`: by lists of ids to their end. Else it is a guess, believed of an answer that is shorter than another one was: nothing cut it.
   */
  expected?: { rows: number; counted: boolean } | undefined;
  signal: AbortSignal;
}

export interface Page<Row> {
  rows: readonly Row[];
  /** `afterId` of the next page. */
  lastId: number;
  /**
   * False only when the shop has nothing behind `lastId`. A page that is not full proves nothing, since rows that the shop fails to load are
   * left out of it, and a proxy may give fewer: unless all that were expected came, the list of ids is asked, so the last page costs two requests.
   */
  more: boolean;
  /** Those of `rows` in which a field cannot be read, and is null. */
  unreadable: readonly Unreadable[];
  /** Ids up to `lastId` whose rows the shop has and failed to load. */
  missing: readonly number[];
  /** What was odd about the answer, for the job's note; nothing personal. */
  warnings: readonly string[];
}

export interface IdPage {
  /** Ascending. */
  ids: readonly number[];
  lastId: number;
  /** As many as were asked for. Where it is not there may still be more: something may limit the shop's lists. */
  full: boolean;
  /** False only for the empty page behind all others. */
  more: boolean;
}

export interface Found<Row> extends Pick<Page<Row>, "rows" | "unreadable" | "missing" | "warnings"> {
  /** The key may not read the resource, and the run goes on without it: nothing may be concluded from the rows that did not come. */
  refused?: true;
}

export interface Unreadable {
  id: number;
  /** The first fields that are wrong, without their values. */
  reason: string;
  /** All of them, by our names: `totalPaid`, `lines`. */
  fields: readonly string[];
}

/** By which fields rows can be looked up besides their id. */
interface LookupFields {
  order_payments: "order_reference";
  order_carriers: "id_order";
  addresses: "id_customer" | "id_supplier" | "id_manufacturer";
  combinations: "id_product";
  stock_availables: "id_product";
  product_suppliers: "id_product" | "id_supplier";
  products: "id_supplier" | "id_manufacturer" | "reference";
  orders: "reference" | "id_customer";
}

export interface Lookup<R extends ShopResource> {
  field: "id" | (R extends keyof LookupFields ? LookupFields[R] : never);
  values: readonly (number | string)[];
}

declare module "../../queue/job" {
  interface Capabilities {
    shops: Shops;
  }
}
