import type { Row } from "../../../scripts/bench/shop/expected.ts";
import { ordersDiffer, productsDiffer, type Sides } from "../../../scripts/bench/shop/compare.ts";
import type { Api } from "./api.ts";
import type { Way } from "./harness.ts";
import { untilJob } from "./until.ts";

/** JSON of any shape, looked into without ceremony. */
// oxlint-disable-next-line no-explicit-any
export type Json = any;

export const key = "SANDBOXSHOPKEYFORTHETENANTDEMO01";
export const minutes = (count: number) => count * 60_000;

/** A tenant's shops: each in the sandbox with the site that points at it. */
export class Shops {
  readonly #way: Pick<Way, "sandbox" | "now">;
  readonly tenant: Api;

  constructor(way: Pick<Way, "sandbox" | "now">, tenant: Api) {
    this.#way = way;
    this.tenant = tenant;
  }

  /** Makes a shop whose last order came a few minutes ago, and its site, which is read only when a story asks for it. */
  async connect(name: string, settings: Record<string, unknown> = {}, site: Record<string, unknown> = {}): Promise<void> {
    await this.schedule(name, settings, site);
    for (const kind of ["orders", "products"]) await this.tenant.ask("DELETE", `/v1/schedules/sync-${kind}-${name}`);
  }

  /** The same with the schedules that a site has from the start. */
  async schedule(name: string, settings: Record<string, unknown> = {}, site: Record<string, unknown> = {}): Promise<void> {
    const until = Math.floor(this.#way.now() / 1000) * 1000 - minutes(5);
    await this.control("POST", "", { name, key, orders: 150, products: 30, timeZone: "UTC", until, spanDays: 30, ...settings });
    await this.put(name, site);
  }

  async put(name: string, site: Record<string, unknown> = {}): Promise<void> {
    const body = { platform: "prestashop", url: `${this.#way.sandbox.url}/shop/${name}`, key, ...site };
    const put = await this.tenant.ask("PUT", `/v1/sites/${name}`, { body });
    if (put.status !== 200) throw new Error(put.text);
  }

  /** Makes, changes and looks into the sandbox's shops. */
  async control(method: string, path: string, body?: unknown): Promise<Json> {
    const { status, text } = await this.#way.sandbox.ask(method, `/shop/__shops${path}`, body);
    if (status >= 300) throw new Error(text);
    return text === "" ? null : JSON.parse(text);
  }

  change(site: string, resource: string, what: object): Promise<Json> {
    return this.control("POST", `/${site}/changes`, { resource, ...what });
  }

  /** Lets the shop's calls wait from the so-manieth on. */
  hold(site: string, afterRequests = 1): Promise<Json> {
    return this.control("POST", `/${site}/hold`, { afterRequests });
  }

  release(site: string): Promise<Json> {
    return this.control("DELETE", `/${site}/hold`);
  }

  async held(site: string): Promise<number> {
    return (await this.control("GET", `/${site}`)).held;
  }

  async requests(site: string): Promise<number> {
    return (await this.control("GET", `/${site}`)).requests.total;
  }

  async sync(type: string, site: string, payload: object = {}): Promise<Json> {
    return untilJob(this.tenant, await this.tenant.enqueue(type, { siteId: site, ...payload }), "done");
  }

  /** The answer of the connection test. */
  async test(site: string): Promise<Json> {
    return (await this.tenant.ask("POST", `/v1/sites/${site}/test`)).body;
  }

  async state(site: string): Promise<Json> {
    return (await this.tenant.get(`/v1/sites/${site}`)).body.sync;
  }

  ordersDiffer(site: string, wanted?: Parameters<typeof ordersDiffer>[1]): Promise<string[]> {
    return ordersDiffer(this.sides(site), { detailOfEvery: 50, ...wanted });
  }

  productsDiffer(site: string): Promise<string[]> {
    return productsDiffer(this.sides(site));
  }

  sides(site: string): Sides {
    return {
      ours: async (path) => {
        const { status, body, text } = await this.tenant.get(`/v1/sites/${site}${path}`);
        if (status !== 200) throw new Error(text);
        return body;
      },
      theirs: async (resource) => {
        const rows: Row[] = [];
        for (let after: number | null = 0; after !== null;) {
          const page: { rows: Row[]; after: number | null } = await this.control("GET", `/${site}/rows/${resource}?limit=10000&after=${after}`);
          rows.push(...page.rows);
          after = page.after;
        }
        return rows;
      },
    };
  }
}
