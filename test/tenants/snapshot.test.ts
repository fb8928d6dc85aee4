import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { connectionSection } from "../../src/tenants/connection";
import { parseKeyRing } from "../../src/tenants/keys";
import { siteSection } from "../../src/tenants/site";
import { createSnapshots, type SnapshotLookup, unpublishedSql } from "../../src/tenants/snapshot";
import { createTenantStore } from "../../src/tenants/tenant";
import { createTokens } from "../../src/tenants/token";
import { createTokenStore } from "../../src/tenants/token-store";
import { breakableDb, breakableKv } from "./fakes";

const second = 1000;
let serial = 0;
let tenant = "";

/** One isolate: its own cache, the common stores. `timeLimit` is for each of them: what answers at all must not meet it. Milliseconds. */
function isolate(timeLimit = 60_000) {
  const [d1, config] = [breakableDb(), breakableKv()];
  const reported: string[] = [];
  const snapshots = createSnapshots({
    db: d1.db,
    kv: config.kv,
    sections: [siteSection, connectionSection],
    timeLimit,
    clock: () => clock,
    report: (event) => reported.push(event),
  });
  const tenants = createTenantStore(d1.db, snapshots.changed);
  const tokens = createTokenStore(d1.db, createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS)), snapshots.changed);
  return { snapshots, tenants, tokens, d1: d1.state, kv: config.state, reported };
}

let clock = 0;

beforeEach(() => {
  clock = 1_800_000_000_000;
  tenant = `tenant-${++serial}`;
});

function nameIn(known: SnapshotLookup): string {
  return known.state === "known" ? known.snapshot.name : known.state;
}

describe("with everything up", () => {
  test("an unknown tenant is absent, asked for once in five seconds, and known at once where it is made and soon elsewhere", async () => {
    const [one, other] = [isolate(), isolate()];
    expect(await one.snapshots.read(tenant, clock)).toEqual({ state: "absent" });
    await one.snapshots.read(tenant, clock + 4999);
    expect(one.d1.trips).toBe(1);
    expect(await other.snapshots.read(tenant, clock)).toEqual({ state: "absent" });
    await other.tenants.put(tenant, { name: "New" }, clock);
    expect(nameIn(await other.snapshots.read(tenant, clock))).toBe("New");
    expect(nameIn(await one.snapshots.read(tenant, clock + 5 * second))).toBe("New");
  });

  test("a thousand made-up names are remembered, and no more", async () => {
    const one = isolate();
    const ask = async (from: number, to: number) => {
      for (let n = from; n < to; n++) await one.snapshots.read(`${tenant}-${n}`, clock);
      return one.d1.trips;
    };
    expect(await ask(0, 1000)).toBe(1000);
    expect(await ask(0, 1000)).toBe(1000);
    expect(await ask(1000, 1001)).toBe(1001);
    expect(await ask(0, 1)).toBe(1002);
  });

  test("a tenant is read once a minute", async () => {
    const one = isolate();
    await isolate().tenants.put(tenant, { name: "Old" }, clock);
    for (const seconds of [0, 30, 59]) await one.snapshots.read(tenant, clock + seconds * second);
    expect(one.d1.trips).toBe(1);
    await one.snapshots.read(tenant, clock + 60 * second);
    expect(one.d1.trips).toBe(2);
  });

  test("a revoked token is refused at once where it was revoked, and within 60 s elsewhere, whatever KV says", async () => {
    const [one, other] = [isolate(), isolate()];
    await one.tenants.put(tenant, { name: "A" }, clock);
    const { id } = await one.tokens.create(tenant, { name: "t", scopes: ["read"] }, clock);
    await other.snapshots.read(tenant, clock);
    const stale = await env.CONFIG.get(`tenant/${tenant}`);
    await one.tokens.revoke(tenant, id, clock);
    await env.CONFIG.put(`tenant/${tenant}`, stale!);
    expect(await one.snapshots.read(tenant, clock)).toMatchObject({ snapshot: { revoked: [id] } });
    expect(await other.snapshots.read(tenant, clock + 60 * second)).toMatchObject({ snapshot: { revoked: [id] } });
  });

  test("a clock that was set back does not keep an entry for longer", async () => {
    const one = isolate();
    await isolate().tenants.put(tenant, { name: "Old" }, clock);
    await one.snapshots.read(tenant, clock);
    await one.snapshots.read(tenant, clock - 3600 * second);
    expect(one.d1.trips).toBe(2);
  });
});

describe("with D1 down", () => {
  test.each(["down", "silent"] as const)("(%s) KV answers, for ten seconds", async (mode) => {
    const one = isolate(mode === "silent" ? 1000 : undefined);
    await isolate().tenants.put(tenant, { name: "A", timezone: "Europe/Prague" }, clock);
    one.d1.mode = mode;
    expect(await one.snapshots.read(tenant, clock)).toMatchObject({
      state: "known",
      snapshot: { v: 1, tenant, name: "A", timezone: "Europe/Prague", revoked: [] },
    });
    await one.snapshots.read(tenant, clock + 9 * second);
    expect(one.d1.trips).toBe(1);
    one.d1.mode = "up";
    await isolate().tenants.put(tenant, { name: "B" }, clock);
    expect(nameIn(await one.snapshots.read(tenant, clock + 10 * second))).toBe("B");
  });

  test("a cached entry that is newer than KV's wins", async () => {
    const one = isolate();
    await one.tenants.put(tenant, { name: "A" }, clock);
    const older = await env.CONFIG.get(`tenant/${tenant}`);
    await one.tenants.put(tenant, { name: "B" }, clock);
    await env.CONFIG.put(`tenant/${tenant}`, older!);
    one.d1.mode = "down";
    expect(nameIn(await one.snapshots.read(tenant, clock + 61 * second))).toBe("B");
  });

  test("a tenant that KV does not have is unknown, not absent", async () => {
    const one = isolate();
    one.d1.mode = "down";
    expect(await one.snapshots.read(tenant, clock)).toEqual({ state: "unknown" });
    expect(one.reported).toEqual(["snapshot.d1-unavailable"]);
  });

  test("and KV too: the cache however old, else unknown", async () => {
    const [one, other] = [isolate(), isolate()];
    await one.tenants.put(tenant, { name: "A" }, clock);
    one.d1.mode = one.kv.mode = other.d1.mode = other.kv.mode = "down";
    expect(nameIn(await one.snapshots.read(tenant, clock + 3600 * second))).toBe("A");
    expect(await other.snapshots.read(tenant, clock)).toEqual({ state: "unknown" });
  });
});

describe("publishing", () => {
  test("a change that KV did not take is made, reported, and written by the tick", async () => {
    const one = isolate();
    one.kv.mode = "down";
    await one.tenants.put(tenant, { name: "A" }, clock);
    expect(one.reported).toEqual(["snapshot.unpublished"]);
    expect(nameIn(await one.snapshots.read(tenant, clock))).toBe("A");
    expect(await env.CONFIG.get(`tenant/${tenant}`)).toBeNull();
    one.kv.mode = "up";
    expect(await one.snapshots.republish(100)).toBe(1);
    expect(await env.CONFIG.get(`tenant/${tenant}`, "json")).toMatchObject({ tenant, name: "A" });
    expect(await one.snapshots.republish(100)).toBe(0);
  });

  test("of two at once, KV ends with the newest", async () => {
    await Promise.all(["A", "B", "C", "D"].map((name) => isolate().tenants.put(tenant, { name }, clock)));
    const row = await env.DB.prepare("SELECT name, version, published FROM tenants WHERE tenant = ?")
      .bind(tenant)
      .first<{ name: string; version: number; published: number }>();
    expect(await env.CONFIG.get(`tenant/${tenant}`, "json")).toMatchObject({ name: row?.name, version: 4 });
    expect(row).toMatchObject({ version: 4, published: 4 });
  });

  test("a change that failed in D1 is not published, and the caller gets the error", async () => {
    const one = isolate();
    one.d1.mode = "down";
    await expect(one.tenants.put(tenant, { name: "A" }, clock)).rejects.toThrow("D1_ERROR");
    expect(one.kv.writes).toBe(0);
  });

  test("who is behind is found by the index", async () => {
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${unpublishedSql}`).bind(10).all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join()).toContain("INDEX tenants_unpublished");
  });
});
