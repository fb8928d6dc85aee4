import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { parseKeyRing } from "../../src/tenants/keys";
import { createTenantStore } from "../../src/tenants/tenant";
import { createTokens } from "../../src/tenants/token";
import { createTokenStore } from "../../src/tenants/token-store";
import { refusalOf } from "./fakes";

const changes: string[] = [];
const changed = async (tenant: string) => void changes.push(tenant);
const tokens = createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS));
const store = createTokenStore(env.DB, tokens, changed);

beforeAll(async () => {
  for (const tenant of ["one", "two"]) await createTenantStore(env.DB, changed).put(tenant, { name: tenant }, 1);
});

test.each([
  [{ name: "x", scopes: [] }, ["scopes: must name at least one scope, and none twice"]],
  [{ name: "x", scopes: ["root"] }, ["scopes[0]: must be one of enqueue, read, leads, operate, work, admin"]],
  [{ scopes: ["read"], tenant: "two" }, ["name: is missing", "tenant: is not a field here; known are name, scopes, types"]],
  [{ name: "x", scopes: ["read"], types: ["a"] }, ["types: binds the scope work: name that scope, and not admin, which takes all types"]],
  [{ name: "x", scopes: ["work"], types: [] }, ["types: must name 1 to 20 types"]],
  [{ name: "x", scopes: ["work"], types: Array.from({ length: 21 }, (_, n) => `t${n}`) }, ["types: must name 1 to 20 types"]],
])("create refuses %j", async (body, errors) => expect((await refusalOf(store.create("one", body, 1))).errors).toEqual(errors));

test("there are no tokens for a tenant that does not exist", async () => {
  expect(await refusalOf(store.create("nobody", { name: "x", scopes: ["read"] }, 1))).toMatchObject({ code: "not-found" });
});

test("a token is shown once, and the table holds nothing of it", async () => {
  const { id, token } = await store.create("one", { name: "shop", scopes: ["read", "enqueue", "read"] }, 5);
  expect(await tokens.verify(token)).toMatchObject({ tenant: "one", id, scopes: ["enqueue", "read"] });
  const row = await env.DB.prepare("SELECT * FROM tokens WHERE tenant = 'one' AND id = ?").bind(id).first();
  expect(row).toEqual({ tenant: "one", id, name: "shop", scopes: "enqueue read", created: 5, revoked: null, types: null, used: null });
  expect(JSON.stringify(row)).not.toContain(token.split(".").at(-1));
});

test("a worker's token carries the types it is bound to", async () => {
  const { id, token } = await store.create("one", { name: "worker", scopes: ["work", "read"], types: ["render", "print", "render"] }, 5);
  expect(await tokens.verify(token)).toMatchObject({ id, scopes: ["read", "work"], types: ["render", "print"] });
  expect((await store.list("one")).find((each) => each.id === id)).toMatchObject({ types: ["render", "print"] });
  expect(await tokens.verify(token.replace("render+print", "render+other"))).toBeUndefined();
  expect(await tokens.verify(token.replace(".render+print", ""))).toBeUndefined();
});

test("revokes one's own only, once and for all", async () => {
  const { id } = await store.create("one", { name: "gone", scopes: ["admin"] }, 6);
  expect(await store.revoke("two", id, 7)).toBe(false);
  expect(await store.revoke("one", "unknown", 7)).toBe(false);
  expect(await store.revoke("one", id, 8)).toBe(true);
  expect(await store.revoke("one", id, 9)).toBe(true);
  expect((await store.list("one")).find((token) => token.id === id)).toEqual({
    id,
    name: "gone",
    scopes: ["admin"],
    types: null,
    created: 6,
    revoked: 8,
    used: null,
  });
  expect(await store.list("two")).toEqual([]);
  expect(changes.filter((tenant) => tenant === "one").length).toBeGreaterThanOrEqual(3);
});
