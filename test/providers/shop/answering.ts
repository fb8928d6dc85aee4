import { createHttp } from "../../../src/providers/http";
import { createPrestashop } from "../../../src/providers/shop/prestashop";
import type { PrestashopOptions } from "../../../src/providers/shop/prestashop";
import type { Shop } from "../../../src/providers/shop/shop";
import { stubFetch } from "../fetch-stub";
import type { Answer, SeenCall } from "../fetch-stub";

export const key = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const settings = { timezone: "Europe/Prague", languageId: 2, currencyId: 1 };
export const { signal } = new AbortController();
export const json = (body: unknown, init: ResponseInit = {}) => new Response(JSON.stringify(body), init);
export const errors = (status: number, ...codes: number[]) => json({ errors: codes.map((code) => ({ code, message: `said ${code}` })) }, { status });
export const html = (status: number, headers: Record<string, string> = {}) =>
  new Response("<!DOCTYPE html><html><body>{} []</body></html>", { status, headers: { "content-type": "text/html", ...headers } });

/** A shop whose server gives these answers in turn; with its settings loaded unless `known` is false. */
export function open(answers: Answer[], options: Partial<PrestashopOptions> = {}, known = true): { shop: Shop; seen: SeenCall[] } {
  const seen = stubFetch(...answers);
  const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
  const shop = createPrestashop({ http, url: "https://shop.example.com/store", key, now: Date.now, ...options });
  if (known) shop.resume({ settings });
  return { shop, seen };
}

export async function orders(...answers: Answer[]) {
  return open(answers).shop.page("orders", { afterId: 0, signal });
}

export const queryOf = (call: SeenCall | undefined) => new URL(call?.url ?? "https://none.example").searchParams;

/** The end of a list. */
export const none = json([]);

/** The limits of the pages that were asked for; lists of ids, which load no rows, left out. */
export function pageLimits(seen: readonly SeenCall[]): number[] {
  return seen
    .map(queryOf)
    .filter((query) => query.has("display"))
    .map((query) => Number(query.get("limit")));
}
