import type { Answers } from "../../test/dashboard/answers.ts";
import type { Night } from "./night-jobs.ts";

/** What it costs, what alerts, and what runs by schedule. */
export function storyOfSettings({ at, id, circuit, now }: Night): Answers {
  const costs = (share: number) =>
    Object.entries({ email: 9.1, "sync-orders": 4.6, image: 2.2, webhook: 0.9, analytics: 0.5 }).map(([name, usd]) => ({
      ...{ name, usd: usd * share, jobs: Math.round(usd * share * 210_000) },
    }));
  return {
    "GET /v1/costs": {
      ...{ currency: "USD", estimated: true, pricesAsOf: "2026-10", models: { usd: 1.84 } },
      today: { usd: 0.42, byType: costs(0.02), byTenant: [] },
      month: { usd: 17.3, byType: costs(1), byTenant: [] },
      budget: { usdPerMonth: 20, spent: 17.3, state: "near" },
    },
    "GET /v1/alert-rules": {
      builtIn: { inForce: false, minSeverity: "warning", slack: true, email: [], unconnected: [] },
      rules: [
        {
          ...{ name: "night", minSeverity: "critical", slack: true, email: ["oncall@example.com"], enabled: true, created: at(9999), updated: at(99) },
          codes: ["circuit-open", "stuck", "failed"],
          unconnected: [],
        },
      ],
    },
    "GET /v1/alerts": {
      alerts: [
        {
          ...{
            cause: "finding/critical/circuit-open/gate/mail",
            state: "open",
            subject: "gate/mail",
            reason: circuit,
            count: 213,
            since: at(9),
            lastAt: at(1),
          },
          ...{ toldAt: at(8), via: ["slack", "email"], recoveredAt: null },
          ...{ sentence: circuit, actions: [], url: "/t/demo/flow", notSeenSince: null },
        },
      ],
    },
    "GET /v1/schedules": {
      schedules: ["shop-north", "shop-south"].map((site, index) => ({
        ...{
          name: `orders-${site}`,
          type: "sync-orders",
          payload: {},
          cron: "0 */3 * * *",
          words: "On the hour, every 3 hours",
          timezone: "Europe/Berlin",
          misfire: "once",
          overlap: "skip",
          spreadSeconds: 1800,
        },
        ...{
          enabled: true,
          siteId: site,
          createdAt: at(9999),
          updatedAt: at(9999),
          last: {
            plannedAt: at(60 + index),
            outcome: index === 0 ? "ran" : "skipped",
            note: index === 0 ? "" : "The run before it has not ended.",
            jobId: null,
          },
        },
        why: null,
        pastRuns: ["done", index === 0 ? "done" : null, "dead", "done", "done"].map((state, run) => ({ plannedAt: at(60 + 180 * run), jobId: id(run), state })),
        nextRuns: [120, 300, 480].map((minutes) => ({
          at: at(-minutes - index),
          local: new Date(now + 60 * 60_000 * (1 + minutes / 60)).toISOString().replace("Z", "+01:00"),
        })),
      })),
    },
  };
}
