import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { createTenantStore } from "../../src/tenants/tenant";
import { parseKeyRing } from "../../src/tenants/keys";
import { createTokens } from "../../src/tenants/token";
import { createTokenStore } from "../../src/tenants/token-store";
import { createTokenUse } from "../../src/tenants/token-use";
import { recordingDb } from "../support/recorder";

const [tenant, noon, minute] = ["token-use", Date.UTC(2026, 10, 21, 12), 60_000];
const changed = async () => undefined;
const store = createTokenStore(env.DB, createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS)), changed);

beforeAll(() =>
  createTenantStore(env.DB, changed)
    .put(tenant, { name: tenant }, 1)
    .then(() => undefined),
);

/** An isolate of its own: what it asked D1, and rows that were written. */
function isolate() {
  const { db, statements, counts } = recordingDb();
  const deferred: Promise<unknown>[] = [];
  const use = createTokenUse(db, (work) => void deferred.push(work));
  const note = async (id: string, at: number) => {
    use.note(tenant, id, at);
    await Promise.all(deferred);
  };
  return { statements, counts, note };
}

test("the last use of a token is known to within an hour, for one statement an hour and isolate and one written row an hour", async () => {
  const { id } = await store.create(tenant, { name: "ci", scopes: ["read"] }, 1);
  const { id: other } = await store.create(tenant, { name: "other", scopes: ["read"] }, 1);
  const used = async () => (await store.list(tenant)).find((token) => token.id === id)?.used;
  expect(await used()).toBeNull();
  const [one, two] = [isolate(), isolate()];
  for (let request = 0; request < 100; request++) await one.note(id, noon + request * 30_000);
  expect([one.statements.length, one.counts.written, await used()]).toEqual([1, 1, noon]);
  await two.note(id, noon + 59 * minute);
  expect([two.statements.length, two.counts.written, await used()]).toEqual([1, 0, noon]);
  await one.note(id, noon + 60 * minute);
  expect([one.statements.length, one.counts.written, await used()]).toEqual([2, 2, noon + 60 * minute]);
  await one.note(other, noon);
  expect((await store.list(tenant)).find((token) => token.id === other)?.used).toBe(noon);
  await one.note("unknown", noon);
  expect(one.counts.written).toBe(3);
});
