import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { answer } from "../../src/app/answer";
import { createStores } from "../../src/app/stores";
import type { PageAction } from "../../src/dashboard/action";
import { pageActions } from "../../src/dashboard/actions";
import type { WorkerEnv } from "../../src/env";
import { routes } from "../../src/intake/routes";
import { allows, type TokenScope } from "../../src/tenants/token";

const origin = "https://jobs.example.com";
const tenant = "scoped";
const holders: readonly (readonly TokenScope[])[] = [["read"], ["read", "operate"], ["read", "enqueue", "leads"], ["admin"]];
const table = holders.flatMap((scopes) => pageActions.map((action) => ({ scopes, action, name: action.name, holder: scopes.join(" ") })));
const cookies = new Map<string, string>();

const form = (fields: Record<string, string>) => {
  const body = new URLSearchParams(fields).toString();
  const headers = { origin, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) };
  return { method: "POST", body, headers, redirect: "manual" } as const;
};
const ask = (path: string, init: RequestInit) => answer(env as WorkerEnv, new Request(origin + path, init));

beforeAll(async () => {
  const { tenants } = createStores(env as WorkerEnv);
  await tenants.put(tenant, { name: tenant }, Date.now());
  for (const scopes of holders) {
    const made = await ask(`/v1/tenants/${tenant}/tokens`, {
      method: "POST",
      body: JSON.stringify({ name: scopes.join("-"), scopes }),
      headers: { authorization: `Bearer ${env.ROOT_TOKEN}`, "content-type": "application/json" },
    });
    const { token } = await made.json<{ token: string }>();
    cookies.set(scopes.join(" "), (await ask("/session", form({ token }))).headers.get("set-cookie")?.split(";")[0] ?? "");
  }
});

/** The first scope that is missing: for the action, or for a field that it sends. */
function missingFor({ method, path, scope }: PageAction, scopes: readonly TokenScope[]): TokenScope | "root" | undefined {
  const route = routes.find((each) => each.method === method && each.path.replace("+", "") === path);
  const needed = [scope, ...Object.values(route?.fieldScopes ?? {})];
  return needed.find((each) => each === "root" || !allows(scopes, each));
}

describe("an action of a page", () => {
  test.each(table)("$name by a token of $holder is refused when its scope is missing, and says which", async ({ scopes, action, holder }) => {
    const named = [...action.path.matchAll(/:(\w+)/g)].map(([, field = ""]) => [field, field === "tenant" ? tenant : "nothing"]);
    const sent = form({ ...Object.fromEntries(named), ids: "x", selection: '{"ids": ["x"]}', patch: '{"siteId": "main"}' });
    const headers = { ...sent.headers, cookie: cookies.get(holder) ?? "", accept: "text/vnd.jobyard.fragment" };
    const done = await ask(`/t/${tenant}/do/${action.name}`, { ...sent, headers });
    const text = await done.text();
    const missing = missingFor(action, scopes);
    expect([done.status === 403, text]).toEqual([missing !== undefined, missing === undefined ? expect.any(String) : expect.stringContaining(missing)]);
    expect(done.status).not.toBe(401);
    expect(done.status).toBeLessThan(500);
  });
});
