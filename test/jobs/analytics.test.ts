import { describe, expect, test } from "vitest";
import type { AnalyticsEvent } from "../../src/domain/analytics/capability";
import { analytics } from "../../src/jobs/analytics/job";
import { runAnalytics } from "../../src/jobs/analytics/run";
import { mask, masked } from "../../src/masking/personal";
import { workJobs } from "../support/work-job";

const start = Date.UTC(2026, 10, 21, 12);

type JobInputs = Parameters<typeof workJobs<typeof analytics>>[2];

/** These jobs as one batch, and what was stored and charted of them. */
async function work(inputs: JobInputs, store?: () => Promise<void>, run = runAnalytics) {
  const stored: AnalyticsEvent[][] = [];
  const points: AnalyticsEvent[] = [];
  const capability = {
    store: store ?? (async (events: readonly AnalyticsEvent[]) => void stored.push([...events])),
    point: (event: AnalyticsEvent) => void points.push(event),
  };
  return { jobs: await workJobs(analytics, run, inputs, { start, capabilities: { analytics: capability } }), stored, points };
}

describe("the payload", () => {
  test.each([
    [{}, "payload.event"],
    [{ event: "" }, "payload.event"],
    [{ event: "a b" }, "payload.event"],
    [{ event: "x".repeat(65) }, "payload.event"],
    [{ event: "ada@example.com" }, "payload.event"],
    [{ event: "e", at: "yesterday" }, "payload.at"],
    [{ event: "e", at: 5 }, "payload.at"],
    [{ event: "e", at: "2026-02-30T25:00:00Z" }, "payload.at"],
    [{ event: "e", value: "1" }, "payload.value"],
    [{ event: "e", dimensions: { a: 1 } }, "payload.dimensions.a"],
    [{ event: "e", dimensions: { a: "x".repeat(201) } }, "payload.dimensions.a"],
    [{ event: "e", dimensions: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`d${index}`, ""])) }, "payload.dimensions"],
    [{ event: "e", colour: 1 }, "payload.colour"],
  ])("%j is wrong in %s", (payload, path) => expect(analytics).toRefuse(payload, path));

  test("may hold something personal in its dimensions only", () => {
    expect(mask(analytics.payload, { event: "e", value: 1, dimensions: { plan: "pro" } })).toEqual({ event: "e", value: 1, dimensions: { plan: masked } });
  });
});

describe("storing", () => {
  test("puts the jobs of several tenants into one call", async () => {
    const { jobs, stored } = await work([
      { tenant: "t1", payload: { event: "a" } },
      { tenant: "t2", payload: { event: "b", at: "2026-10-01T14:00:00+02:00", value: 2, dimensions: { plan: "pro" } } },
    ]);
    expect(stored).toEqual([
      [
        { tenant: "t1", job: jobs[0]?.id, event: "a", at: start },
        { tenant: "t2", job: jobs[1]?.id, event: "b", at: Date.UTC(2026, 9, 1, 12), value: 2, dimensions: { plan: "pro" } },
      ],
    ]);
    for (const job of jobs) expect(job).toBeDone({ stored: true });
  });

  test("charts each job only after it is settled", async () => {
    const { jobs, points } = await work([{ payload: { event: "a" } }, { payload: { event: "b" } }]);
    expect(points.map(({ job }) => job)).toEqual(jobs.map(({ id }) => id));
    const cutOff: typeof runAnalytics = async (...handed) => {
      await runAnalytics(...handed);
      throw new Error("cut off at its end");
    };
    expect((await work([{ payload: { event: "a" } }], undefined, cutOff)).points).toEqual([]);
  });

  test("a dry run stores nothing and is charted nothing", async () => {
    const { jobs, stored, points } = await work([{ payload: { event: "a" }, dryRun: true }, { payload: { event: "b" } }]);
    const [dry, real] = jobs;
    expect([stored.flat().map(({ job }) => job), points.map(({ job }) => job)]).toEqual([[real?.id], [real?.id]]);
    expect(dry).toBeDone({ stored: false });
    expect(dry).toHavePlanned("store");
  });

  test("a database that cannot be reached fails the whole batch, which is tried again", async () => {
    const { jobs, points } = await work([{ payload: { event: "a" } }, { payload: { event: "b" } }], () => Promise.reject(new Error("D1 is away")));
    for (const job of jobs) expect(job).toBeRetried(/D1 is away/);
    expect(points).toEqual([]);
  });
});
