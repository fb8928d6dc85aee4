import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { nextTimes } from "../../../src/domain/schedules/cron";
import { runDueSchedules } from "../../../src/domain/schedules/due";
import { misfires, spreadOf } from "../../../src/domain/schedules/model";
import type { EnqueueRequest } from "../../../src/queue/request";
import { sized } from "../../support/size";
import { store, Yard, put } from "./schedules-yard";

const minute = 60_000;
const hour = 60 * minute;
const start = Date.parse("2026-05-01T00:00:30Z");
const first = start + 30_000;

beforeEach(() => env.DB.exec("DELETE FROM schedules"));

describe("refusals", () => {
  test("a refused payload is noted, the schedule goes on, the others are untouched", async () => {
    const yard = new Yard();
    await put("t", "bad", start, { payload: { wrong: true } });
    await put("t", "good", start);
    yard.refuse = ({ payload }) =>
      "wrong" in (payload as object)
        ? { ok: false, code: "invalid", detail: "The payload does not fit.", errors: [{ path: "payload.wrong", message: "unknown field" }] }
        : undefined;
    expect(await yard.tick(first)).toEqual({ ran: 1, skipped: 0, failed: 1 });
    expect(await store.get("t", "bad")).toMatchObject({
      nextAt: first + minute,
      last: { outcome: "failed", plannedAt: first, note: "The payload does not fit. payload.wrong: unknown field", jobId: null },
    });
    expect(await store.get("t", "good")).toMatchObject({ nextAt: first + minute, last: { outcome: "ran", note: "" } });
  });

  test("a refusal that may pass is tried again at the next tick, for the same time", async () => {
    const yard = new Yard();
    await put("t", "s", start, { cron: "1 * * * *" });
    yard.refuse = () => ({ ok: false, code: "unavailable", detail: "The queue is away.", errors: [] });
    expect(await yard.tick(first)).toEqual({ ran: 0, skipped: 0, failed: 1 });
    expect((await store.get("t", "s"))?.last).toMatchObject({ outcome: "failed", note: "The queue is away. It is tried again." });
    yard.refuse = () => undefined;
    expect(await yard.tick(first + minute)).toEqual({ ran: 1, skipped: 0, failed: 0 });
    expect(yard.planned("s")).toEqual([new Date(first).toISOString()]);
  });

  test("when enqueuing throws nothing moves, and the next tick does it", async () => {
    const yard = new Yard();
    await put("t", "s", start, { cron: "1 * * * *" });
    const down = () => Promise.reject(new Error("down"));
    await expect(runDueSchedules({ now: first, store, enqueue: down, isOpen: yard.isOpen })).rejects.toThrow("down");
    expect(await yard.tick(first + minute)).toMatchObject({ ran: 1 });
  });

  test("not knowing whether the last job is open fails that schedule alone", async () => {
    const yard = new Yard();
    await put("t", "a", start);
    await put("t", "b", start, { overlap: "allow" });
    await yard.tick(first);
    const isOpen = () => Promise.reject(new Error("the ledger is away"));
    const summary = await runDueSchedules({ now: first + minute, store, enqueue: yard.enqueue, isOpen });
    expect(summary).toEqual({ ran: 1, skipped: 0, failed: 1 });
    expect(await store.get("t", "a")).toMatchObject({ nextAt: first + minute, last: { outcome: "failed" } });
  });
});

describe("ticks that come twice", () => {
  test("a repeated tick does nothing more", async () => {
    const yard = new Yard();
    await put("t", "s", start);
    expect(await yard.tick(first)).toEqual({ ran: 1, skipped: 0, failed: 0 });
    expect(await yard.tick(first)).toEqual({ ran: 0, skipped: 0, failed: 0 });
    expect(yard.jobs.size).toBe(1);
  });

  test("concurrent ticks enqueue one job and count it once", async () => {
    const yard = new Yard();
    await put("t", "s", start);
    const summaries = await Promise.all([yard.tick(first), yard.tick(first), yard.tick(first)]);
    expect(yard.jobs.size).toBe(1);
    expect(summaries.reduce((sum, { ran }) => sum + ran, 0)).toBe(1);
    expect((await store.get("t", "s"))?.nextAt).toBe(first + minute);
  });

  test("a tick that died between enqueuing and moving on repeats the same job", async () => {
    const yard = new Yard();
    await put("t", "s", start);
    const dies = { due: store.due, advance: () => Promise.reject(new Error("killed")) };
    await expect(runDueSchedules({ now: first, store: dies, enqueue: yard.enqueue, isOpen: yard.isOpen })).rejects.toThrow("killed");
    await yard.tick(first);
    expect(yard.jobs.size).toBe(1);
  });

  test("a schedule changed under a tick keeps its new time", async () => {
    const yard = new Yard();
    await put("t", "s", start);
    const enqueue = async (requests: readonly EnqueueRequest[]) => {
      await put("t", "s", first, { cron: "0 5 * * *" });
      return yard.enqueue(requests);
    };
    expect(await runDueSchedules({ now: first, store, enqueue, isOpen: yard.isOpen })).toEqual({ ran: 0, skipped: 0, failed: 0 });
    expect((await store.get("t", "s"))?.nextAt).toBe(Date.parse("2026-05-01T05:00Z"));
  });
});

describe("hours without a tick", () => {
  const away = first + 5 * hour;

  test('misfire "once" runs the newest for all', async () => {
    const yard = new Yard();
    await put("t", "s", start, { cron: "0 * * * *" });
    expect(await yard.tick(away)).toEqual({ ran: 1, skipped: 4, failed: 0 });
    expect(yard.planned("s")).toEqual(["2026-05-01T05:00:00.000Z"]);
    expect((await store.get("t", "s"))?.last?.note).toBe("4 skipped: one run stands for all that were missed");
  });

  test('misfire "skip" runs only what is less than two minutes old', async () => {
    const yard = new Yard();
    await put("t", "s", start, { cron: "0 * * * *", misfire: "skip" });
    expect(await yard.tick(first + 5 * hour + minute)).toEqual({ ran: 0, skipped: 5, failed: 0 });
    expect((await store.get("t", "s"))?.last).toMatchObject({ outcome: "skipped", note: "5 skipped: they were missed" });
    expect(await yard.tick(first + 6 * hour)).toEqual({ ran: 1, skipped: 0, failed: 0 });
  });

  test('misfire "all" runs each, the newest hundred at most', async () => {
    const yard = new Yard();
    await put("t", "s", start, { cron: "0 * * * *", misfire: "all" });
    await put("t", "many", start, { misfire: "all" });
    await yard.tick(away);
    expect(yard.planned("s")).toHaveLength(5);
    expect(yard.planned("many")).toHaveLength(100);
    expect(yard.planned("many").at(-1)).toBe(new Date(away).toISOString());
    expect((await store.get("t", "many"))?.last?.note).toBe("at least 201 skipped: only the newest 100 are made up for");
  });
});

describe("overlap", () => {
  test('"skip" passes over a time while the last job is open', async () => {
    const yard = new Yard();
    await put("t", "s", start);
    await yard.tick(first);
    const { last } = (await store.get("t", "s"))!;
    yard.open.add(`t:${last!.jobId}`);
    expect(await yard.tick(first + minute)).toEqual({ ran: 0, skipped: 1, failed: 0 });
    expect((await store.get("t", "s"))?.last).toMatchObject({ outcome: "skipped", jobId: last!.jobId, note: `1 skipped: job ${last!.jobId} is still open` });
    yard.open.clear();
    expect(await yard.tick(first + 2 * minute)).toEqual({ ran: 1, skipped: 0, failed: 0 });
  });

  test('"allow" does not ask', async () => {
    const yard = new Yard();
    await put("t", "s", start, { overlap: "allow" });
    await yard.tick(first);
    yard.open.add(`t:${(await store.get("t", "s"))!.last!.jobId}`);
    expect(await yard.tick(first + minute)).toMatchObject({ ran: 1 });
  });
});

describe("many schedules", () => {
  test("are enqueued in bulk, up to the limit, the rest by the next tick", async () => {
    const yard = new Yard();
    for (let index = 0; index < 60; index += 1) await put(`tenant-${index}`, "s", start, { cron: "1 * * * *" });
    expect(await yard.tick(first, 55)).toMatchObject({ ran: 55 });
    expect(yard.sizes).toEqual([50, 5]);
    expect(await yard.tick(first + minute, 55)).toMatchObject({ ran: 5 });
  });

  test("spread moves each by its own, constant delay", async () => {
    const yard = new Yard();
    const names = Array.from({ length: 200 }, (_, index) => `shop-${index}`);
    const delays = names.map((name) => spreadOf({ tenant: "t", name, spreadSeconds: 599 }));
    expect(delays.every((delay) => delay >= 0 && delay <= 599)).toBe(true);
    for (const half of [0, 300]) expect(delays.filter((delay) => delay >= half && delay < half + 300).length).toBeGreaterThan(70);
    expect(names.map((name) => spreadOf({ tenant: "t", name, spreadSeconds: 599 }))).toEqual(delays);
    await put("t", "shop-7", start, { spreadSeconds: 599 });
    await yard.tick(first);
    expect([...yard.jobs.values()][0]?.delaySeconds).toBe(delays[7]);
  });
});

test("the site is part of the payload", async () => {
  const yard = new Yard();
  await put("t", "s", start, { siteId: "shop-1", payload: { lastDays: 2 } });
  await yard.tick(first);
  expect([...yard.jobs.values()][0]?.payload).toEqual({ lastDays: 2, siteId: "shop-1" });
});

describe("the days around the change of the clocks, a tick each half hour", () => {
  test.each([
    ["Europe/Berlin", "2026-03-28T00:00Z", 3],
    ["Europe/Berlin", "2026-10-24T00:00Z", 3],
    ["America/New_York", "2026-03-07T00:00Z", 3],
    ["America/New_York", "2026-10-31T00:00Z", 3],
    ["Asia/Kolkata", "2026-03-28T00:00Z", 2],
    ["America/Caracas", "2026-10-24T00:00Z", 2],
  ])("%s from %s: 2:30 runs once a day, on time", async (zone, from, days) => {
    const yard = new Yard();
    const begin = Date.parse(from);
    await put("t", "s", begin, { cron: "30 2 * * *", timezone: zone });
    for (let now = begin; now <= begin + days * 24 * hour; now += 30 * minute) await yard.tick(now);
    const dates = yard.planned("s").map((iso) => new Date(iso).toLocaleDateString("en-CA", { timeZone: zone }));
    expect(dates).toHaveLength(days);
    expect(new Set(dates).size).toBe(days);
  });
});

test("property: between any ticks, every planned time is run, skipped or failed, once", async () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 5 });
  const cron = fc.constantFrom("* * * * *", "*/7 * * * *", "30 2 * * *", "0 */3 * * *", "15,45 1-3 * * *");
  const zone = fc.constantFrom("Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Caracas", "Australia/Lord_Howe");
  const begin = fc.constantFrom("2026-03-28T23:30Z", "2026-10-24T22:45Z", "2026-03-08T05:10Z", "2026-11-01T04:00Z", "2026-04-04T14:00Z");
  let round = 0;
  await fc.assert(
    fc.asyncProperty(gaps, cron, zone, begin, fc.constantFrom(...misfires), fc.boolean(), async (minutes, pattern, where, from, misfire, refuses) => {
      const yard = new Yard();
      if (refuses) yard.refuse = () => ({ ok: false, code: "invalid", detail: "No.", errors: [] });
      const tenant = `property-${(round += 1)}`;
      const at = Date.parse(from);
      await put(tenant, "s", at, { cron: pattern, timezone: where, misfire });
      const total = { ran: 0, skipped: 0, failed: 0 };
      let now = at;
      for (const gap of minutes) {
        now += gap * minute;
        const sum = await yard.tick(now);
        for (const key of ["ran", "skipped", "failed"] as const) total[key] += sum[key];
      }
      const expected = nextTimes({ cron: pattern, timezone: where }, at, (now - at) / minute + 1).filter((time) => time <= now);
      expect(total.ran + total.skipped + total.failed).toBe(expected.length);
      expect(yard.jobs.size).toBe(total.ran);
      const known = new Set(expected.map((time) => new Date(time).toISOString()));
      expect(yard.planned("s").every((time) => known.has(time))).toBe(true);
      await store.remove(tenant, "s");
    }),
    { numRuns: sized(15, 40) },
  );
});
