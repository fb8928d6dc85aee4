import * as v from "valibot";
import { beforeEach, expect, test } from "vitest";
import { ok } from "../../src/queue/effect";
import { type BatchItem, defineJob, job } from "../../src/queue/job";
import { cancel } from "../../src/queue/operate";
import { discard, done, type Outcome, retry, wait } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

function points(timeout: number) {
  const policy = { timeout, maxAttempts: 2, backoff: { base: 1, cap: 1 } };
  return defineJob({ type: "points", queue: "events", payload: v.strictObject({ n: v.number() }), policy, batch: true });
}

type Item = BatchItem<ReturnType<typeof points>>;
type Handler = (items: readonly Item[], signal: AbortSignal, call: number) => Promise<readonly Outcome[]>;

function bulk(handler: Handler, timeout = 60) {
  let calls = 0;
  const contract = points(timeout);
  const bench = createEngineBench({ jobs: [job(contract, (items, _capabilities, signal) => handler(items, signal, ++calls))] });
  const accept = async (count: number) => {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) ids.push(await bench.acceptOne({ type: "points", payload: { n }, tenant: n % 2 === 0 ? "one" : "two" }));
    return ids;
  };
  const states = async () =>
    Object.fromEntries((await bench.all<{ n: number; state: string }>("SELECT payload->>'n' AS n, state FROM jobs")).map(({ n, state }) => [n, state]));
  return { bench, accept, states, calls: () => calls };
}

test("one call for all jobs of the batch, of several tenants, each with its own outcome", async () => {
  const { bench, accept, states, calls } = bulk(async (items) =>
    items.map(({ payload, context }) => {
      expect(context.tenant).toBe(payload.n % 2 === 0 ? "one" : "two");
      return [done(), retry("x"), wait("w", { until: 0 }), discard("d")][payload.n] ?? done();
    }),
  );
  await accept(5);
  await bench.deliver(bench.held.slice());
  expect(calls()).toBe(1);
  expect(await states()).toEqual({ 0: "done", 1: "retrying", 2: "waiting", 3: "discarded", 4: "done" });
});

test("an item without an outcome is a failure of its own; without a list, of all", async () => {
  const short = bulk(async (items) => items.slice(1).map(() => done()));
  await short.accept(3);
  await short.bench.deliver(short.bench.held.slice());
  expect(Object.values(await short.states()).sort()).toEqual(["done", "done", "retrying"]);
  await emptyLedger();
  const none = bulk(async () => undefined as unknown as Outcome[]);
  await none.accept(2);
  await none.bench.deliver(none.bench.held.slice());
  expect(await none.states()).toEqual({ 0: "retrying", 1: "retrying" });
});

test("a throw is a failure of all, and ends", async () => {
  const { bench, accept } = bulk(async () => {
    throw new Error("the bulk statement failed");
  });
  await accept(3);
  await bench.deliverAll();
  expect(await bench.all("SELECT DISTINCT state, attempt, reason FROM jobs")).toEqual([{ state: "dead", attempt: 2, reason: "the bulk statement failed" }]);
});

test("effects are per job, and happen once though a mate fails", async () => {
  const sent: string[] = [];
  const { bench, accept } = bulk(async (items, _signal, call) => {
    const outcomes: Outcome[] = [];
    for (const { context } of items) {
      await context.effect("send", async (key) => (sent.push(key), ok(1)));
      outcomes.push(call === 1 ? retry("late trouble") : done());
    }
    return outcomes;
  });
  const ids = await accept(3);
  await bench.deliverAll();
  expect(sent.toSorted()).toEqual(ids.map((id) => `${id}:send:0`).toSorted());
  expect(await bench.all("SELECT DISTINCT state FROM jobs")).toEqual([{ state: "done" }]);
});

test("one is cancelled: the others go on", async () => {
  let aborted = false;
  const { bench, accept, states } = bulk(async (items, signal) => {
    signal.addEventListener("abort", () => (aborted = true));
    const first = items.find(({ payload }) => payload.n === 0);
    if (first) {
      await cancel(bench.engine, first.context);
      bench.advance(2000);
      await new Promise((resolve) => first.context.signal.addEventListener("abort", resolve));
    }
    // Longer than the grace: the cancelled job ends no other job.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    return items.map(() => retry("not yet"));
  });
  await accept(3);
  await bench.deliver(bench.held.slice());
  expect(await states()).toEqual({ 0: "cancelled", 1: "retrying", 2: "retrying" });
  expect(aborted).toBe(false);
});

test("a refusing context that is let through the handler costs the other jobs no attempt", async () => {
  const { bench, accept } = bulk(async (items, _signal, call) => {
    if (call === 1) {
      for (const { context, payload } of items) {
        if (payload.n === 1) await cancel(bench.engine, context);
        // Flags are looked at once a second.
        bench.advance(1000);
        await context.progress(1);
      }
    }
    return items.map(() => done());
  });
  await accept(3);
  await bench.deliver(bench.held.slice());
  expect(await bench.all("SELECT payload->>'n' AS n, state, attempt FROM jobs ORDER BY n")).toEqual([
    { n: 0, state: "waiting", attempt: 0 },
    { n: 1, state: "cancelled", attempt: 0 },
    { n: 2, state: "waiting", attempt: 0 },
  ]);
  await bench.deliverAll();
  expect(await bench.all("SELECT state, count(*) AS n FROM jobs GROUP BY state ORDER BY state")).toEqual([
    { state: "cancelled", n: 1 },
    { state: "done", n: 2 },
  ]);
});

test("all over their time: the handler's signal fires, each has failed", async () => {
  let aborted = false;
  const { bench, accept, states } = bulk((_items, signal) => {
    signal.addEventListener("abort", () => (aborted = true));
    return new Promise(() => undefined);
  }, 5);
  await accept(2);
  await bench.deliver(bench.held.slice());
  expect(aborted).toBe(true);
  expect(await states()).toEqual({ 0: "retrying", 1: "retrying" });
});
