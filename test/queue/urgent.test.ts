import * as v from "valibot";
import { beforeEach, expect, test } from "vitest";
import { defineJob, job } from "../../src/queue/job";
import { done, wait } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const contract = defineJob({
  type: "laned",
  queue: "events",
  payload: v.strictObject({ name: v.string(), urgent: v.boolean() }),
  policy: { concurrency: 1 },
  urgent: ({ urgent }) => urgent,
});

function createLanes(hold = false) {
  const order: string[] = [];
  let holds = hold;
  const bench = createEngineBench({
    jobs: [
      job(contract, async ({ name }, context) => {
        if (holds) return wait("held", { until: context.now() + 3_600_000, gate: "door", park: true });
        order.push(name);
        return done();
      }),
    ],
  });
  const put = (name: string, urgent: boolean) => bench.acceptOne({ type: "laned", payload: { name, urgent } });
  return { bench, order, put, open: () => (holds = false) };
}

test("an urgent job is run before the others of its batch, which keep their order", async () => {
  const { bench, order, put } = createLanes();
  for (const [name, urgent] of [
    ["a", false],
    ["b", false],
    ["c", true],
    ["d", false],
    ["e", true],
  ] as const) {
    await put(name, urgent);
    bench.advance(1);
  }
  await bench.deliver(bench.held.slice());
  expect(order).toEqual(["c", "e", "a", "b", "d"]);
});

test("and is let in first of those that are parked at its gate", async () => {
  const { bench, put } = createLanes(true);
  const ids: Record<string, string> = {};
  for (const [name, urgent] of [
    ["a", false],
    ["b", false],
    ["c", true],
  ] as const) {
    ids[name] = await put(name, urgent);
    bench.advance(1000);
  }
  await bench.deliverAll();
  const rows = await bench.all<{ id: string }>("SELECT id FROM parked ORDER BY at");
  expect(rows.map(({ id }) => id)).toEqual([ids["c"], ids["a"], ids["b"]]);
});
