import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { AnalyticsEvent } from "../../src/domain/analytics/capability";
import { analytics } from "../../src/jobs/analytics/job";
import { runAnalytics } from "../../src/jobs/analytics/run";
import type { InputOf } from "../../src/queue/job";
import { mask, masked } from "../../src/masking/personal";
import { checkPayload } from "../../src/queue/registry";
import { fakeContext } from "./fake-context";
import type { FakeOptions } from "./fake-context";

type Input = InputOf<typeof analytics>;

function item(payload: Input, options: FakeOptions = {}) {
  return { payload: v.parse(analytics.payload, payload), context: fakeContext(options) };
}

async function run(items: ReturnType<typeof item>[]) {
  const stored: AnalyticsEvent[][] = [];
  const points: AnalyticsEvent[] = [];
  const capability = {
    store: async (events: readonly AnalyticsEvent[]) => void stored.push([...events]),
    point: (event: AnalyticsEvent) => void points.push(event),
  };
  const outcomes = await runAnalytics(items, { analytics: capability }, new AbortController().signal);
  return { outcomes, stored, points };
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
  ])("%j is wrong in %s", (payload, path) => {
    const checked = checkPayload(analytics, payload);
    expect(checked.ok ? [] : checked.issues.map((issue) => issue.path)).toEqual([path]);
  });

  test("may hold something personal in its dimensions only", () => {
    expect(mask(analytics.payload, { event: "e", value: 1, dimensions: { plan: "pro" } })).toEqual({ event: "e", value: 1, dimensions: { plan: masked } });
  });
});

describe("storing", () => {
  test("puts the jobs of several tenants into one call", async () => {
    const { outcomes, stored } = await run([
      item({ event: "a" }, { tenant: "t1", id: "1", at: 1000 }),
      item({ event: "b", at: "2026-10-01T14:00:00+02:00", value: 2, dimensions: { plan: "pro" } }, { tenant: "t2", id: "2" }),
    ]);
    expect(stored).toEqual([
      [
        { tenant: "t1", job: "1", event: "a", at: 1000 },
        { tenant: "t2", job: "2", event: "b", at: Date.UTC(2026, 9, 1, 12), value: 2, dimensions: { plan: "pro" } },
      ],
    ]);
    expect(outcomes).toMatchObject([
      { kind: "done", result: { stored: true } },
      { kind: "done", result: { stored: true } },
    ]);
  });

  test("charts each job only after it is settled", async () => {
    const { outcomes, points } = await run([item({ event: "a" }, { id: "1" }), item({ event: "b" }, { id: "2" })]);
    expect(points).toEqual([]);
    for (const outcome of outcomes) if (outcome.kind === "done") outcome.after?.();
    expect(points.map(({ job }) => job)).toEqual(["1", "2"]);
  });

  test("a dry run stores nothing", async () => {
    const dry = item({ event: "a" }, { id: "1", dryRun: true });
    const { outcomes, stored } = await run([dry, item({ event: "b" }, { id: "2" })]);
    expect(stored.flat().map(({ job }) => job)).toEqual(["2"]);
    expect(outcomes[0]).toMatchObject({ kind: "done", result: { stored: false }, after: undefined });
    expect(dry.context.effects).toMatchObject([{ key: "store", reply: "would do" }]);
  });

  test("a database that cannot be reached fails the whole batch", async () => {
    const capability = { store: () => Promise.reject(new Error("D1 is away")), point: () => undefined };
    await expect(runAnalytics([item({ event: "a" })], { analytics: capability }, new AbortController().signal)).rejects.toThrow("D1 is away");
  });
});
