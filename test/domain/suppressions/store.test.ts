import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createSuppressions } from "../../../src/domain/suppressions/capability";
import { createHashAddress } from "../../../src/domain/suppressions/model";
import { createSuppressionQueries } from "../../../src/domain/suppressions/queries";
import { createSuppressionStore } from "../../../src/domain/suppressions/store";
import { derive } from "../../../src/tenants/keys";
import { createUnsubscribeTokens } from "../../../src/domain/suppressions/unsubscribe-token";

const secret = new Uint8Array(32).fill(7);
const hash = createHashAddress(derive(secret, "signing", "address"));
const tokens = createUnsubscribeTokens({ encryption: derive(secret, "encryption", "unsubscribe"), signing: derive(secret, "signing", "unsubscribe") });
const store = createSuppressionStore(env.DB, hash);
const queries = createSuppressionQueries(env.DB, hash);
let count = 0;
const newTenant = () => `supp-${++count}`;

describe("a suppressed address", () => {
  test("is found in every spelling of it, in its tenant alone", async () => {
    const tenant = newTenant();
    await store.add(tenant, [{ address: "Ada.Lovelace+news@GMail.com", scope: "all", reason: "bounce" }], 5);
    expect(await queries.reasons(tenant, ["adalovelace@gmail.com", "ada@example.com", "no address"], false)).toEqual(["bounce", null, null]);
    expect(await queries.reasons(newTenant(), ["adalovelace@gmail.com"], false)).toEqual([null]);
  });

  test("who unsubscribed gets no bulk mail, and other mail as before", async () => {
    const tenant = newTenant();
    await store.add(tenant, [{ address: "a@b.example", scope: "bulk", reason: "unsubscribe" }], 5);
    expect(await queries.reasons(tenant, ["a@b.example"], false)).toEqual([null]);
    expect(await queries.reasons(tenant, ["a@b.example"], true)).toEqual(["unsubscribe"]);
    await store.add(tenant, [{ address: "a@b.example", scope: "all", reason: "complaint" }], 6);
    expect(await queries.reasons(tenant, ["a@b.example"], true)).toEqual(["complaint"]);
    // Taking the complaint back leaves what the person chose.
    expect(await store.remove(tenant, "A@B.example", "all")).toBe(true);
    expect(await queries.of(tenant, "a@b.example")).toEqual([{ address: "a@b.example", scope: "bulk", reason: "unsubscribe", since: 5 }]);
    expect([await store.remove(tenant, "a@b.example"), await store.remove(tenant, "a@b.example")]).toEqual([true, false]);
  });

  test("keeps its first reason when it is reported again, and takes the one it is given by hand", async () => {
    const tenant = newTenant();
    await store.add(tenant, [{ address: "a@b.example", scope: "all", reason: "bounce" }], 5);
    await store.add(tenant, [{ address: "a@b.example", scope: "all", reason: "complaint" }], 6);
    expect(await queries.of(tenant, "a@b.example")).toMatchObject([{ reason: "bounce", since: 5 }]);
    await store.put(tenant, { address: "a@b.example", scope: "all", reason: "manual" }, 7);
    expect(await queries.of(tenant, "a@b.example")).toMatchObject([{ reason: "manual", since: 7 }]);
  });

  test("outlives the erasure of its person as a hash", async () => {
    const tenant = newTenant();
    await store.add(tenant, [{ address: "a@b.example", scope: "all", reason: "bounce" }], 5);
    expect(await store.erase(tenant, ["A@b.example", "other@b.example"])).toBe(1);
    const rows = await env.DB.prepare("SELECT * FROM suppressions WHERE tenant = ?").bind(tenant).all();
    expect(JSON.stringify(rows.results)).not.toContain("a@b.example");
    expect(await queries.reasons(tenant, ["a@b.example"], false)).toEqual(["bounce"]);
  });
});

test("the list goes page by page, newest first, each once", async () => {
  const tenant = newTenant();
  for (let index = 0; index < 25; index++) {
    await store.add(
      tenant,
      [{ address: `a${index}@b.example`, scope: index % 3 === 0 ? "bulk" : "all", reason: index % 2 === 0 ? "bounce" : "manual" }],
      Math.floor(index / 4),
    );
  }
  const all: string[] = [];
  const times: number[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await queries.list(tenant, {}, { cursor, limit: 7 });
    expect(page.suppressions.length).toBeLessThanOrEqual(7);
    all.push(...page.suppressions.map(({ address }) => address ?? ""));
    times.push(...page.suppressions.map(({ since }) => since));
    cursor = page.cursor;
  }
  expect(new Set(all).size).toBe(25);
  expect(all).toHaveLength(25);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  const bounced: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await queries.list(tenant, { reason: "bounce" }, { cursor, limit: 2 });
    bounced.push(...page.suppressions.map(({ address }) => address ?? ""));
    cursor = page.cursor;
  }
  expect(bounced).toHaveLength(13);
});

test("an import of ten thousand is a handful of statements", async () => {
  const tenant = newTenant();
  const list = Array.from({ length: 10_000 }, (_, index) => ({ address: `p${index}@b.example`, scope: "all" as const, reason: "manual" as const }));
  await store.add(tenant, list, 5);
  const row = await env.DB.prepare("SELECT COUNT(*) AS count FROM suppressions WHERE tenant = ?").bind(tenant).first();
  expect(row).toEqual({ count: 10_000 });
});

describe("what jobs ask", () => {
  const urlOf = async (what: Parameters<typeof tokens.make>[0]) => `https://jobs.example.com/u/${await tokens.make(what)}`;

  test("splits recipients, names included", async () => {
    const tenant = newTenant();
    await store.add(tenant, [{ address: "ada@b.example", scope: "all", reason: "bounce" }], 5);
    const split = await createSuppressions({ db: env.DB, tenant, hash, urlOf }).split(["Ada <ADA@b.example>", "grace@b.example"], false);
    expect(split).toEqual({ to: ["grace@b.example"], skipped: [{ address: "Ada <ADA@b.example>", reason: "bounce" }] });
  });

  test("gives the headers of RFC 8058, the same on each try, without the address in them", async () => {
    const suppressions = createSuppressions({ db: env.DB, tenant: "acme", hash, urlOf });
    const [first, second] = [await suppressions.unsubscribe("Ada <ada@b.example>", "spring"), await suppressions.unsubscribe("Ada <ada@b.example>", "spring")];
    expect(first).toEqual(second);
    expect(first?.headers).toEqual({ "List-Unsubscribe": `<${first?.url}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" });
    expect(first?.url).not.toMatch(/ada|b\.example/);
    expect(await tokens.read(first?.url.split("/u/")[1] ?? "")).toEqual({ tenant: "acme", address: "ada@b.example", scope: "bulk", campaign: "spring" });
  });
});

describe("a token that was not made here", () => {
  test.each(["", "x", "a".repeat(60), "a".repeat(5000), "../../etc", "ä".repeat(50)])("reads as none: %.20s", async (token) => {
    expect(await tokens.read(token)).toBeUndefined();
  });

  test("nor does one that was changed, or made with another key", async () => {
    const token = await tokens.make({ tenant: "acme", address: "a@b.example", scope: "bulk" });
    expect(await tokens.read(token)).toBeDefined();
    for (let at = 0; at < token.length - 1; at += 7) {
      const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
      expect(await tokens.read(changed)).toBeUndefined();
    }
    const other = new Uint8Array(32).fill(8);
    const foreign = createUnsubscribeTokens({ encryption: derive(other, "encryption", "unsubscribe"), signing: derive(other, "signing", "unsubscribe") });
    expect(await foreign.read(token)).toBeUndefined();
  });
});
