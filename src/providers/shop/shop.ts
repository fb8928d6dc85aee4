import type { Reply } from "../../queue/effect";
import type { ShopResource, ShopRows } from "./row-types";

/**
 * The shops of a tenant. Every call is a read; nothing here changes a shop. The gate `shop:{siteId}` gets the results of its calls. Failures:
 * `config` — no call can succeed before the operator or merchant acts (key, permission, address, switched off): pause the site and show the reason.
 * `transient` and `limited` — they pass by themselves. `permanent` — this one request never succeeds. `code` is PrestaShop's own number (`"26"`: the
 * key lacks the resource) or one of ShopFailureCode.
 */
export interface Shops {
  /** Makes no call. A missing site, or one whose key cannot be opened, is a `config` failure. */
  open(siteId: string): Promise<Reply<Shop>>;
}

/** Codes of failures without a code of PrestaShop. */
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

/** One shop, for one run, with cached settings and page sizes. One call at a time. */
export interface Shop {
  /**
   * Whether address, key and webservice work: `HEAD /api/`, then the settings. `failure.reason` names the remedy.
   * It does not check the permissions of resources, see `permissions`.
   */
  test(signal: AbortSignal): Promise<Reply<ShopFacts>>;
  /** The resources of these that the key may not read, by one cheap request each. */
  permissions(resources: readonly ShopResource[], signal: AbortSignal): Promise<Reply<{ missing: ShopResource[] }>>;
  /** Read once per Shop, by one request; windows and dates need it. */
  settings(signal: AbortSignal): Promise<Reply<ShopSettings>>;
  /**
   * The rows after `afterId`, ordered by id, at most one page. Continue with `afterId: page.lastId` while `page.more`;
   * a row that changes meanwhile moves to the next window.
   */
  page<R extends ShopResource>(resource: R, request: ShopPageRequest): Promise<Reply<ShopPage<ShopRows[R]>>>;
  /**
   * The rows whose field has one of these values, in as many requests as URLs of 2 kB need.
   * Rows that do not exist are not in the result: a deleted customer, an order that is not committed yet. Where rows were visibly omitted, or
   * requested ids are missing at the end of the answer, a list of ids shows those that failed to load. One that is silently omitted
   * in another lookup is in `listed` only.
   */
  find<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<Found<ShopRows[R]>>>;
  /** The ids of the rows that `find` requests, including those that the shop fails to load. No row is loaded. */
  listed<R extends ShopResource>(resource: R, by: Lookup<R>, signal: AbortSignal): Promise<Reply<readonly number[]>>;
  /** Ids only, thousands at once, without loading rows: for counting and for finding deleted rows. Includes rows that the shop fails to load. */
  ids(resource: ShopResource, request: Omit<ShopPageRequest, "expected">): Promise<Reply<IdPage>>;
  /** Current page sizes, which adapt to the shop's `Execution-Time`. Store them and pass them to `resume`. */
  readonly pageSizes: PageSizes;
  /** Continues with settings and page sizes of an earlier run; saves the request for the settings. */
  resume(known: { settings?: ShopSettings | undefined; pageSizes?: PageSizes | undefined }): void;
}

export interface ShopFacts extends ShopSettings {
  /** `8.2.0`; null when a proxy removes the header. */
  version: string | null;
}

export interface ShopSettings {
  /** IANA name; all dates of the shop are local time of this zone. */
  timezone: string;
  /** Language of translated names; null when the shop does not send it. */
  languageId: number | null;
  /** Currency of product prices. */
  currencyId: number | null;
}

/** Rows of a page, of heavy resources (orders, products) and of the others. */
export interface PageSizes {
  heavy: number;
  light: number;
}

/** UTC milliseconds, both ends inclusive, whole seconds. In the hour that a clock change repeats it covers both, so more rows may be returned. */
export interface Window {
  from: number;
  to: number;
}

export interface ShopPageRequest {
  /** Only rows that were changed within; for resources with a `dateUpd`. Default: all rows. */
  window?: Window | undefined;
  /** 0 for the first page. */
  afterId: number;
  /**
   * The number of rows after `afterId`, which shows without a list of ids that a page that is not full is the last.
   * `counted`: exact, by lists of ids. Else an estimate, used only for an answer that is shorter than another was, and so not truncated.
   */
  expected?: { rows: number; counted: boolean } | undefined;
  signal: AbortSignal;
}

export interface ShopPage<Row> {
  rows: readonly Row[];
  /** `afterId` of the next page. */
  lastId: number;
  /**
   * False only when the shop has no rows after `lastId`. A page that is not full does not prove it: it lacks rows that the shop fails to load, and a
   * proxy may return fewer. Unless all expected rows came, the list of ids is read, so the last page costs two requests.
   */
  more: boolean;
  /** The `rows` with an unreadable field, which is null. */
  unreadable: readonly Unreadable[];
  /** Ids up to `lastId` of rows that the shop has and failed to load. */
  missing: readonly number[];
  /** Warnings about the answer, for the job's note; without personal data. */
  warnings: readonly string[];
}

export interface IdPage {
  /** Ascending. */
  ids: readonly number[];
  lastId: number;
  /** As many ids as requested. When false, there may still be more: a proxy may limit the shop's lists. */
  full: boolean;
  /** False only for the empty page after all others. */
  more: boolean;
}

export interface Found<Row> extends Pick<ShopPage<Row>, "rows" | "unreadable" | "missing" | "warnings"> {
  /** The key may not read the resource, and the run continues without it: nothing follows from missing rows. */
  refused?: true;
}

export interface Unreadable {
  id: number;
  /** The first unreadable fields, without their values. */
  reason: string;
  /** All unreadable fields, by our names: `totalPaid`, `lines`. */
  fields: readonly string[];
}

/** Fields besides the id by which rows can be looked up. */
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
