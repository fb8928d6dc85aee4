import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { createHttp } from "../../src/providers/http.ts";
import { createPrestashop, type PrestashopOptions } from "../../src/providers/shop/prestashop.ts";
import type { ShopResource, ShopRows } from "../../src/providers/shop/row-types.ts";
import type { Shop, Window } from "../../src/providers/shop/shop.ts";
import { demoKey } from "../../scripts/sandbox/shop/settings.ts";
import { play, type Playing } from "./sandbox.ts";

const start = Date.parse("2026-11-20T12:00:00Z");

/** A sandbox with one shop for the tests of a file, emptied before each, and the client that reads it. */
export function useShops() {
  const { signal } = new AbortController();
  let sandbox: Playing;
  const shops = {
    /** The sandbox's clock. */
    now: start,
    sandbox: () => sandbox,
    /** Makes the shop `one`. */
    async make(settings: Record<string, unknown> = {}): Promise<void> {
      expect((await sandbox.ask("POST", "/shop/__shops", { name: "one", orders: 230, products: 30, ...settings })).status).toBe(201);
    },
    set: (settings: Record<string, unknown>) => sandbox.ask("PATCH", "/shop/__shops/one", settings),
    open(options: Partial<PrestashopOptions> = {}): Shop {
      const http = createHttp({ rules: { allowLocal: true, ownHosts: [] } });
      return createPrestashop({ http, url: `${sandbox.url}/shop/one`, key: demoKey, now: Date.now, ...options });
    },
    /** All rows of a resource, page by page. */
    async all<R extends ShopResource>(shop: Shop, resource: R, window?: Window): Promise<ShopRows[R][]> {
      const rows: ShopRows[R][] = [];
      for (let afterId = 0; ;) {
        const page = await shop.page(resource, { window, afterId, signal });
        if (!page.ok) throw new Error(page.failure.reason);
        expect(page.value.unreadable).toEqual([]);
        rows.push(...page.value.rows);
        if (!page.value.more) return rows;
        afterId = page.value.lastId;
      }
    },
    /** The rows that the sandbox has, as it keeps them. */
    async truth(resource: string): Promise<Record<string, unknown>[]> {
      return (await sandbox.ask("GET", `/shop/__shops/one/rows/${resource}?limit=10000`)).json()["rows"] as Record<string, unknown>[];
    },
  };
  beforeAll(async () => {
    sandbox = await play({ now: () => shops.now });
  });
  beforeEach(async () => {
    shops.now = start;
    await sandbox.ask("POST", "/__reset");
  });
  afterAll(() => sandbox.close());
  return shops;
}
