import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createAnalytics } from "../../../src/domain/analytics/capability";
import type { AnalyticsEvent } from "../../../src/domain/analytics/capability";

const analytics = createAnalytics(env.DB);

async function stored(tenant: string) {
  const { results } = await env.DB.prepare("SELECT job, event, at, value, dimensions FROM analytics_events WHERE tenant = ?1 ORDER BY job").bind(tenant).all();
  return results;
}

test("the same job counts once, within a batch and across batches", async () => {
  const event = { tenant: "events-a", job: "1", event: "order.paid", at: 1000 };
  await analytics.store([event, { ...event, value: 9 }]);
  await analytics.store([
    { ...event, event: "other" },
    { ...event, job: "2", value: 1.5, dimensions: { plan: "Größe 😀", q: `"'\\` } },
  ]);
  expect(await stored("events-a")).toEqual([
    { job: "1", event: "order.paid", at: 1000, value: null, dimensions: null },
    { job: "2", event: "order.paid", at: 1000, value: 1.5, dimensions: JSON.stringify({ plan: "Größe 😀", q: `"'\\` }) },
  ]);
});

test("tenants share a batch and nothing else", async () => {
  await analytics.store(["events-b", "events-c"].map((tenant) => ({ tenant, job: "1", event: tenant, at: 1 })));
  expect(await stored("events-b")).toMatchObject([{ event: "events-b" }]);
  expect(await stored("events-c")).toMatchObject([{ event: "events-c" }]);
});

test("nothing is nothing", async () => {
  await expect(analytics.store([])).resolves.toBeUndefined();
});

test("a batch of the largest events is cut to what D1 takes", async () => {
  const dimensions = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`d${index}`, "\u0001".repeat(200)]));
  const events: AnalyticsEvent[] = Array.from({ length: 100 }, (_, index) => ({ tenant: "events-d", job: String(index), event: "e", at: 1, dimensions }));
  await analytics.store(events);
  expect(await stored("events-d")).toHaveLength(100);
});

test("a point holds tenant, name and value, nothing else", () => {
  const points: unknown[] = [];
  const dataset = { writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point) };
  const charted = createAnalytics(env.DB, dataset);
  charted.point({ tenant: "t", job: "1", event: "sign-up", at: 1, dimensions: { mail: "ada@example.com" } });
  charted.point({ tenant: "t", job: "2", event: "sale", at: 1, value: 12 });
  expect(points).toEqual([
    { indexes: ["t"], blobs: ["sign-up"], doubles: [1, 0] },
    { indexes: ["t"], blobs: ["sale"], doubles: [1, 12] },
  ]);
  expect(() => analytics.point({ tenant: "t", job: "1", event: "e", at: 1 })).not.toThrow();
});
