import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as v from "valibot";
import { addSchedules } from "../../../src/domain/shop/site/connect";
import { type ScheduleInput, scheduleInput, spreadOf } from "../../../src/domain/schedules/model";
import { dueSql, createScheduleStore } from "../../../src/domain/schedules/store";
import { maxSchedules } from "../../../src/tenants/bounds";

const store = createScheduleStore(env.DB);
const noon = Date.parse("2026-05-01T12:00Z");
const hour = 3_600_000;

const input = (over: Partial<ScheduleInput> = {}) => v.parse(scheduleInput, { type: "email", payload: { to: "a@b.c" }, cron: "30 * * * *", ...over });

beforeEach(() => env.DB.exec("DELETE FROM schedules"));

test("a tenant sees and touches only its own", async () => {
  await store.put("one", "nightly", input(), noon);
  expect(await store.get("two", "nightly")).toBeNull();
  expect(await store.list("two")).toEqual([]);
  expect(await store.remove("two", "nightly")).toBe(false);
  expect(await store.list("one")).toHaveLength(1);
});

test("what was put comes back, with its first planned time", async () => {
  const { schedule, created } = await store.put("one", "nightly", input({ siteId: "shop-1", misfire: "all" }), noon);
  expect(created).toBe(true);
  expect(schedule).toMatchObject({ name: "nightly", payload: { to: "a@b.c" }, siteId: "shop-1", misfire: "all", nextAt: noon + hour / 2, last: null });
  expect(await store.get("one", "nightly")).toEqual(schedule);
  expect(await store.remove("one", "nightly")).toBe(true);
  expect(await store.get("one", "nightly")).toBeNull();
});

test("putting the same again loses no due time; a new pattern, zone or enabling starts anew", async () => {
  await store.put("one", "s", input(), noon);
  const later = noon + 5 * hour;
  const again = await store.put("one", "s", input({ payload: { to: "new@b.c" } }), later);
  expect(again.created).toBe(false);
  expect(again.schedule).toMatchObject({ nextAt: noon + hour / 2, payload: { to: "new@b.c" }, createdAt: noon, updatedAt: later });

  expect((await store.put("one", "s", input({ cron: "15 * * * *" }), later)).schedule.nextAt).toBe(later + hour / 4);
  expect((await store.put("one", "s", input({ cron: "15 * * * *", enabled: false }), later)).schedule.nextAt).toBeNull();
  expect((await store.put("one", "s", input({ cron: "15 * * * *" }), later + hour)).schedule.nextAt).toBe(later + 1.25 * hour);
});

test("settling is refused when the schedule has moved on meanwhile", async () => {
  const { schedule } = await store.put("one", "s", input(), noon);
  const last = { plannedAt: noon + hour / 2, outcome: "ran" as const, note: "", jobId: "j1" };
  const change = { schedule, nextAt: noon + 1.5 * hour, last };
  expect(await store.advance([])).toEqual([]);
  expect(await store.advance([change])).toEqual([true]);
  expect(await store.advance([change])).toEqual([false]);
  expect(await store.get("one", "s")).toMatchObject({ nextAt: noon + 1.5 * hour, last });
});

test("a tenant with many due schedules does not keep the others waiting", async () => {
  for (const name of ["a", "b", "c", "d"]) await store.put("loud", name, input(), noon);
  await store.put("quiet", "a", input(), noon + 1);
  await store.put("idle", "off", input({ enabled: false }), noon);
  const due = await store.due(noon + hour, 3);
  expect(due.map(({ tenant, name }) => `${tenant}/${name}`)).toEqual(["loud/a", "quiet/a", "loud/b"]);
  expect(await store.due(noon, 10)).toEqual([]);
});

test("a tenant has a limit, which does not stop changes", async () => {
  await store.put("full", "first", input(), noon);
  await env.DB.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${maxSchedules - 1}) INSERT INTO schedules SELECT tenant, 'n' || i, type, payload, site_id, cron, zone, misfire, overlap, spread_seconds, enabled, created_at, updated_at, next_at, NULL, NULL, NULL, NULL, 0 FROM schedules, n WHERE tenant = 'full'`,
  );
  await expect(store.put("full", "one-more", input(), noon)).rejects.toMatchObject({ code: "invalid" });
  expect((await store.put("full", "first", input({ cron: "1 * * * *" }), noon)).created).toBe(false);
});

test("what comes with its sites does not count, and what the tenant made of it stays", async () => {
  for (const site of ["shop-7", "shop-8"]) await addSchedules(store, "many", site, noon);
  await env.DB.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 398) INSERT INTO schedules SELECT tenant, name || i, type, payload, site_id || i, cron, zone, misfire, overlap, spread_seconds, enabled, created_at, updated_at, next_at, NULL, NULL, NULL, NULL, given FROM schedules, n WHERE tenant = 'many' AND site_id = 'shop-7'`,
  );
  const all = await store.list("many");
  expect(all).toHaveLength(800);
  expect(new Set(all.map(spreadOf)).size).toBeGreaterThan(600);
  expect(all[0]).toMatchObject({ cron: "0 */3 * * *", misfire: "once", overlap: "skip", spreadSeconds: 3 * 3600 - 60, nextAt: noon + 3 * hour });
  await store.put("many", "own", input(), noon);
  await store.put("many", "sync-orders-shop-7", input({ cron: "1 1 * * *", enabled: false }), noon);
  await addSchedules(store, "many", "shop-7", noon);
  expect(await store.get("many", "sync-orders-shop-7")).toMatchObject({ cron: "1 1 * * *", enabled: false });
});

test("what a site has goes with it, the tenant's own for it too; other sites keep theirs", async () => {
  for (const site of ["gone", "gone-not", "a".repeat(63)]) await addSchedules(store, "leaving", site, noon);
  await store.put("leaving", "nightly", input({ siteId: "gone" }), noon);
  await store.removeSite("leaving", "gone");
  await store.removeSite("other", "gone-not");
  const left = (await store.list("leaving")).map(({ name }) => name);
  expect(left.filter((name) => !name.includes("aaa"))).toEqual(["sync-orders-gone-not", "sync-products-gone-not"]);
  expect(left.filter((name) => name.includes("aaa")).every((name) => name.length <= 63)).toBe(true);
});

test("what is due is found by its index", async () => {
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${dueSql}`).bind(noon, 10).all<{ detail: string }>();
  const plan = results.map(({ detail }) => detail).join("\n");
  expect(plan).toContain("USING INDEX schedules_due (next_at<?)");
  expect(plan).not.toMatch(/SCAN schedules/);
});
