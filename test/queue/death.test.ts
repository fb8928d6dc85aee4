import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };
const second = 1000;
const minute = 60 * second;

describe("when the Worker dies", () => {
  const dies = (bench: EngineBench) => (bench.faults.ledger = true);
  const lives = (bench: EngineBench) => (bench.faults.ledger = false);

  test("a job that kills its Worker ends dead after its attempts; the other jobs of its batch lose nothing", async () => {
    const bench = createEngineBench();
    const killer = await bench.acceptOne({ payload: { script: [{ do: "call", name: "kill" }, { do: "done" }] } });
    const others = [await bench.acceptOne({ payload: fine }), await bench.acceptOne({ payload: { script: [{ do: "retry" }, { do: "done" }] } })];
    // Dead is dead: neither this batch's outcomes nor its acknowledgements count.
    bench.calls["kill"] = () => dies(bench);
    for (let round = 0; round < 12 && bench.held.length > 0; round++) {
      lives(bench);
      bench.advance(3 * minute);
      await bench.deliver(bench.held.slice());
    }
    lives(bench);
    expect(await bench.row(killer)).toMatchObject({ state: "dead", attempt: 3, reason: "the Worker died in each of its 3 attempts" });
    expect(bench.runs.filter(({ id }) => id === killer)).toHaveLength(4);
    for (const id of others) expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect((await bench.row(others[0] ?? ""))?.attempt).toBe(0);
    expect(await bench.all("SELECT event FROM history WHERE job = ? AND event = 'crashed'", killer)).not.toEqual([]);
  });

  test("suspects run one after the other, after all other jobs of the batch are settled", async () => {
    const bench = createEngineBench();
    const suspects = [await bench.acceptOne({ payload: fine }), await bench.acceptOne({ payload: fine })];
    await dyingWith(bench);
    bench.advance(5 * minute);
    bench.runs.splice(0);
    const fresh = await bench.acceptOne({ payload: fine });
    const order: string[] = [];
    const { claimAlone } = bench.engine.ledger;
    const { ledger } = bench.engine;
    bench.engine.ledger = new Proxy(ledger, {
      get: (target, name) =>
        name === "claimAlone"
          ? async (...parameters: Parameters<typeof claimAlone>) => (
              order.push(`settled ${bench.events.filter((each) => each.event === "settled").length}`),
              claimAlone(...parameters)
            )
          : target[name as keyof typeof target],
    });
    await bench.deliver(bench.held.slice());
    expect(bench.runs.map(({ id }) => id)).toEqual([fresh, ...suspects]);
    expect(order).toEqual(["settled 1", "settled 2"]);
    for (const id of suspects) expect(await bench.row(id)).toMatchObject({ state: "done", attempt: 0, crash: 0 });
  });

  test("suspects for whom there is no time left are delivered again", async () => {
    const slow = defineJob({ type: "slow", queue: "events", payload: v.strictObject({}), policy: { timeout: 700 } });
    const run = async () => {
      // All have started before the time passes.
      await Promise.resolve();
      bench.advance(400 * second);
      return done();
    };
    const bench = createEngineBench({ jobs: [job(slow, run)] });
    for (let n = 0; n < 3; n++) await bench.acceptOne({ type: "slow", payload: {} });
    await dyingWith(bench);
    bench.advance(20 * minute);
    const answers = await bench.deliver(bench.held.slice());
    expect(answers.map(({ answer }) => typeof answer)).toEqual(["string", "object", "object"]);
    await bench.deliverAll();
    expect(await bench.all("SELECT DISTINCT state FROM jobs")).toEqual([{ state: "done" }]);
  });

  test("without its message the tick brings it back, and it still is a suspect", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    await dyingWith(bench);
    bench.held.splice(0);
    await bench.tick(15 * minute);
    expect(await bench.row(id)).toMatchObject({ state: "queued", seq: 1, crash: 1, attempt: 0 });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", crash: 0 });
  });

  test("the old run of a job that was taken over changes nothing any more", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({
      payload: {
        script: [
          { do: "call", name: "sleep" },
          { do: "done", value: "first" },
        ],
      },
    });
    const message = { ...(bench.held[0] as Held) };
    let sleeping = true;
    bench.calls["sleep"] = async () => {
      if (!sleeping) return;
      sleeping = false;
      bench.advance(10 * minute);
      await bench.deliver([{ ...message, id: "second" }]);
    };
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 2 });
    expect(bench.troubles()).toMatchObject([{ where: "settle", reason: expect.stringContaining("another run") }]);
  });
});

/** A batch is claimed and its Worker dies before anything is recorded. */
async function dyingWith(bench: EngineBench): Promise<void> {
  bench.faults.ledger = (call) => call === "settle";
  await bench.deliver(bench.held.slice());
  bench.faults.ledger = false;
}
