import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { budgetState, costsOf, jobUsd, replayUsd } from "../../../src/domain/costs/model";
import { prices, priceSources, usdOfUnits } from "../../../src/domain/costs/prices";
import { budgetsSpent, costReport } from "../../../src/domain/costs/queries";
import { addUpHours, usageSince } from "../../../src/ledger/usage-days";

const minute = 60_000;
const hour = 60 * minute;
const noon = Date.UTC(2026, 10, 21, 12);

beforeEach(async () => {
  await env.DB.batch(["counters", "usage_days", "watermarks", "agent_spend", "tenants"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

const counted = (tenant: string, at: number, event: string, n: number) =>
  env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES (?, ?, 'email', ?, ?, 0)`).bind(tenant, at, event, n).run();
const sumOf = (counts: Awaited<ReturnType<typeof usageSince>>) => counts.reduce((sum, { count }) => sum + count, 0);

describe("hours are added up to days", () => {
  test("once, whatever ticks repeat, and what is not over yet comes from the minutes", async () => {
    await counted("one", noon - hour, "done", 3);
    await counted("one", noon - minute, "done", 4);
    await counted("one", noon + minute, "done", 5);
    await counted("two", noon - minute, "done", 7);
    expect(await addUpHours(env.DB, noon + 6 * minute)).toBe(1);
    expect(await addUpHours(env.DB, noon + 7 * minute)).toBe(0);
    expect(sumOf(await usageSince(env.DB, "one", "2026-11-21", noon + 7 * minute))).toBe(12);
    expect(await addUpHours(env.DB, noon + hour + 6 * minute)).toBe(1);
    expect(sumOf(await usageSince(env.DB, "one", "2026-11-21", noon + hour + 7 * minute))).toBe(12);
    expect(sumOf(await usageSince(env.DB, null, "2026-11-21", noon + hour + 7 * minute))).toBe(19);
  });

  test("after an outage the hours in between follow, six a tick; days change at midnight UTC", async () => {
    await addUpHours(env.DB, noon + 6 * minute);
    await counted("one", noon + 8 * hour, "done", 1);
    await counted("one", noon + 13 * hour, "done", 2);
    const late = noon + 14 * hour + 6 * minute;
    expect([await addUpHours(env.DB, late), await addUpHours(env.DB, late), await addUpHours(env.DB, late), await addUpHours(env.DB, late)]).toEqual([
      6, 6, 2, 0,
    ]);
    const { results } = await env.DB.prepare("SELECT day, n FROM usage_days ORDER BY day").all();
    expect(results).toEqual([
      { day: "2026-11-21", n: 1 },
      { day: "2026-11-22", n: 2 },
    ]);
  });

  test("overlapping ticks count an hour once", async () => {
    await addUpHours(env.DB, noon + 6 * minute);
    await counted("one", noon + minute, "done", 5);
    await Promise.all([1, 2, 3].map(() => addUpHours(env.DB, noon + hour + 6 * minute)));
    expect(sumOf(await usageSince(env.DB, "one", "2026-11-21", noon + hour + 7 * minute))).toBe(5);
  });
});

describe("costs", () => {
  test("are those of counted steps, the dearest first", () => {
    const count = { type: "email", ms: 0 };
    const costs = costsOf([
      { ...count, tenant: "one", event: "enqueued", count: 1_000_000 },
      { ...count, tenant: "one", event: "done", count: 1_000_000 },
      { ...count, tenant: "two", event: "enqueued", count: 10 },
      { ...count, tenant: "two", event: "unknown", count: 10 },
    ]);
    expect(costs.byTenant.map(({ name, jobs }) => [name, jobs])).toEqual([
      ["one", 1_000_000],
      ["two", 10],
    ]);
    expect(costs.byTenant[0]?.usd).toBeCloseTo(
      prices.request + 3 * prices.queueOperation + 4 * prices.rowWritten + 4 * prices.rowRead + 2 * prices.cpuMillisecond,
      6,
    );
    expect(costs.usd).toBeCloseTo(costs.byType[0]?.usd ?? 0, 9);
  });

  test("every price has its source", () => {
    expect(Object.keys(priceSources).toSorted()).toEqual(Object.keys(prices).toSorted());
    expect(usdOfUnits({ rowWritten: 2_000_000 })).toBe(2 * prices.rowWritten);
  });

  test("today, the month, models and budgets; each tenant its own", async () => {
    await counted("one", noon - minute, "enqueued", 1000);
    await env.DB.prepare(`INSERT INTO agent_spend (tenant, agent, month, micros) VALUES ('one', 'a', '2026-11', 2500000), ('two', 'a', '2026-11', 9)`).run();
    await env.DB.prepare(
      `INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES ('one', 'One', 'UTC', '{"budget":{"usdPerMonth":0.002}}', 0, 0)`,
    ).run();
    const report = await costReport(env.DB, "one", noon);
    expect([report.modelsMonth, report.budgets]).toEqual([2.5, [{ tenant: "one", usdPerMonth: 0.002 }]]);
    expect(report.today.usd).toBeGreaterThan(0);
    expect((await costReport(env.DB, "two", noon)).today.usd).toBe(0);
    const [spent] = await budgetsSpent(env.DB, null, noon);
    expect(spent).toMatchObject({ tenant: "one", usdPerMonth: 0.002 });
    expect([budgetState(0.0015, 0.002), budgetState(0.0016, 0.002), budgetState(0.002, 0.002)]).toEqual(["within", "near", "over"]);
  });
});

test("a job costs what its steps cost in the report, each as often as it happened", () => {
  const timeline = [
    { event: "queued", times: 1 },
    { event: "retry", times: 2 },
    { event: "checkpoint", times: 9 },
    { event: "waiting", times: 3 },
    { event: "done", times: 1 },
  ];
  const counts = Object.entries({ enqueued: 1, retrying: 2, waiting: 3, done: 1 }).map(([event, count]) => ({
    tenant: "one",
    type: "email",
    event,
    count,
    ms: 0,
  }));
  expect(jobUsd(timeline)).toBeCloseTo(costsOf(counts).usd, 9);
  expect(jobUsd(timeline)).toBeGreaterThan(jobUsd(timeline.slice(0, 2)));
  expect(jobUsd([])).toBeGreaterThan(0);
  expect(String(replayUsd(8, 8))).toMatch(/^0\.0\d{1,8}$/);
});
