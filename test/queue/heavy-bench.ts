import * as v from "valibot";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { createEngineBench, type Held } from "../support/engine";

export const second = 1000;

export const minute = 60 * second;

export const width = 10;

export const contract = defineJob({
  type: "paced",
  queue: "events",
  payload: v.strictObject({ name: v.string(), urgent: v.boolean() }),
  policy: { concurrency: width, timeout: 60, maxAttempts: 3 },
  urgent: ({ urgent }) => urgent,
});

/** Runs of tenant `a` go in rounds of ten and take `slowMs`, all others no time. `order`: names as they started. */
export function createPaced(slowMs: number, options: Parameters<typeof createEngineBench>[0] = {}) {
  const order: string[] = [];
  let round = { size: 0, end: Promise.withResolvers<void>() };
  const bench = createEngineBench({
    ...options,
    jobs: [
      job(contract, async ({ name }, { tenant }) => {
        order.push(name);
        if (tenant === "a" && slowMs > 0) {
          const mine = round;
          if (++mine.size === width) {
            round = { size: 0, end: Promise.withResolvers<void>() };
            bench.advance(slowMs);
            mine.end.resolve();
          }
          await mine.end.promise;
        }
        return done();
      }),
    ],
  });
  const put = (tenant: string, count: number, urgent = false) =>
    bench.accept(Array.from({ length: count }, (_, n) => ({ tenant, type: "paced", payload: { name: `${tenant}${n}`, urgent } })));
  const on = (queue: string): Held[] => bench.held.filter((each) => each.queue === queue && each.at <= bench.now());
  /** One batch of a queue, as the platform hands it over. */
  const batch = (queue: string, size = queue === "overflow" ? 25 : 50) => bench.deliver(on(queue).slice(0, size));
  const marks = () => bench.all<{ tenant: string; queue: string; seen: number }>("SELECT tenant, queue, seen FROM heavy_tenants");
  return { bench, order, put, on, batch, marks };
}
