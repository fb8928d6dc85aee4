import { beforeEach, describe, expect, test } from "vitest";
import { addMany, failureOf, openBench, useQueues } from "./support/bench.ts";
import { type BullQueue, libraries } from "./support/libraries.ts";

const bench = await openBench();
const queueOf = useQueues(bench);
let queue: BullQueue;

beforeEach(() => {
  queue = queueOf(libraries[1]!);
});

describe("a rollback of claimed jobs", () => {
  test("finds out whether the product has them, and what it has not begun goes back", async () => {
    const ids = await addMany(queue, 8);
    const before = await bench.stands();
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? "drop-answer" : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = () => undefined;
    Object.assign([...bench.product.jobs.values()][0]!, { state: "done", runs: 1 });
    const { report } = await bench.run("rollback");
    expect(report).toContain("Put back: 7.");
    expect((await bench.stands())["wait"]).toEqual(before["wait"]!.slice(0, -1));
    expect(bench.product.ids()).toEqual(ids.slice(0, 1));
  });

  test("that no product has: none of them can start before it is cancelled", async () => {
    await addMany(queue, 3);
    const before = await bench.stands();
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? { status: 503 } : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = ({ body }) => {
      const jobs = (body as { jobs?: { runAt?: string }[] } | undefined)?.jobs ?? [];
      return jobs.some(({ runAt }) => runAt === undefined) ? { status: 500 } : undefined;
    };
    await bench.run("rollback");
    expect(await bench.stands()).toEqual(before);
    expect([...bench.product.jobs.values()].map(({ state }) => state)).toEqual(["cancelled", "cancelled", "cancelled"]);
    bench.product.fault = () => undefined;
    await bench.run("take");
    expect([...bench.product.jobs.values()].map(({ state, runAt }) => [state, runAt])).toEqual(Array(3).fill(["queued", undefined]));
  });

  test("that begin while they are cancelled run on in the product", async () => {
    await addMany(queue, 2);
    await bench.run("take");
    const [first] = bench.product.jobs.values();
    bench.product.fault = ({ path }) => {
      if (path.endsWith(`${first!.id}/cancel`)) Object.assign(first!, { state: "running", runs: 1 });
      return undefined;
    };
    const { report } = await bench.run("rollback", [], { during: async () => void Object.assign(first!, { state: "cancelled" }) });
    expect(report).toContain("| it had just begun | 1 |");
    expect(first!.state).toBe("queued");
    expect((await bench.stands())["wait"]).toHaveLength(1);
  });

  test("that was killed between cancelling and putting back goes on", async () => {
    const ids = await addMany(queue, 3);
    const before = await bench.stands();
    await bench.run("take");
    const [first] = bench.product.jobs.values();
    let dead = false;
    bench.product.fault = ({ path }) => (dead || (dead = path.endsWith("/cancel")) ? "drop-answer" : undefined);
    await failureOf(bench.run("rollback"));
    expect(bench.product.ids().length).toBeLessThan(3);
    bench.product.fault = () => undefined;
    await bench.run("rollback");
    expect(await bench.stands()).toEqual(before);
    expect([first!.state, ids]).toEqual(["cancelled", before["wait"]!.toReversed()]);
  });

  test("ends a command that takes at the same time", async () => {
    await addMany(queue, 3);
    const stop = new AbortController();
    let waits = 0;
    const following = failureOf(
      bench.run("follow", [], {
        signal: stop.signal,
        during: async () => {
          if (waits++ === 0) await bench.run("rollback");
          if (waits > 50) stop.abort();
        },
      }),
    );
    const failure = await following;
    expect([failure?.code, failure?.message]).toEqual([1, expect.stringContaining("A rollback of the queue mail")]);
    expect((await bench.stands())["wait"]).toHaveLength(3);
  });
});
