import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { again, done, type Outcome } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

const second = 1000;

const minute = 60 * second;

describe("the ledger away at the end of a run", () => {
  test("for a moment: recorded at the next try", async () => {
    const bench = createEngineBench();
    let failures = 2;
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = (call) => call === "settle" && failures-- > 0;
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: "ack" }]);
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("for long: it runs again alone when the lease is over, its effects do not", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "effect", key: "send" }, { do: "done" }] } });
    bench.faults.ledger = (call) => call === "settle";
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 65 } }]);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 2, attempt: 0 });
    expect([...bench.outside]).toEqual([[`${id}:send:0`, 1]]);
  });

  test("a copy that no queue takes is sent by the tick when it is due", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "retry", after: 300 }, { do: "done" }] } });
    bench.faults.send = true;
    await bench.deliver(bench.held.slice());
    bench.faults.send = false;
    expect(await bench.tick(minute)).toMatchObject({ released: 0 });
    expect(await bench.tick(5 * minute)).toMatchObject({ released: 1 });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("a copy that no queue takes, and no ledger notes, is swept", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "again" }, { do: "done" }] } });
    bench.faults.send = true;
    bench.faults.ledger = (call) => call === "unsent";
    await bench.deliver(bench.held.slice());
    Object.assign(bench.faults, { send: false, ledger: false });
    expect(await bench.tick(10 * minute)).toMatchObject({ swept: 1 });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

describe("time within a batch", () => {
  test("what could not be started is given back with nothing counted", async () => {
    const bench = createEngineBench({ jobs: [named("slow", { timeout: 100, concurrency: 1 }, async () => (bench.advance(90 * second), done()))] });
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push(await bench.acceptOne({ type: "slow", payload: {} }));
    const answers = await bench.deliver(bench.held.slice());
    const back = answers.filter(({ answer }) => answer !== "ack");
    // Twelve minutes, less what a run of a hundred seconds may need beyond the margin.
    expect(back.map(({ answer }) => answer)).toEqual(Array.from({ length: 4 }, () => ({ retry: 1 })));
    const rows = await bench.all("SELECT state, runs, attempt, crash, until FROM jobs WHERE state <> 'done'");
    expect(rows).toEqual(Array.from({ length: 4 }, () => ({ state: "queued", runs: 0, attempt: 0, crash: 0, until: 0 })));
    await bench.deliverAll();
    expect(await bench.all("SELECT DISTINCT state, runs FROM jobs")).toEqual([{ state: "done", runs: 1 }]);
  });

  test("no run can outlast the lease of its batch", async () => {
    const ends: number[] = [];
    const bench = createEngineBench({
      jobs: [named("longest", { timeout: 720, concurrency: 2 }, async () => (ends.push(bench.now() + 722 * second), bench.advance(29 * second), done()))],
    });
    const start = bench.now();
    for (let n = 0; n < 10; n++) await bench.acceptOne({ type: "longest", payload: {} });
    await bench.deliver(bench.held.slice());
    expect(Math.max(...ends)).toBeLessThan(start + 13 * minute);
    expect(ends.length).toBeGreaterThanOrEqual(2);
  });

  test("quick jobs are acknowledged while a slow mate runs", async () => {
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    const bench = createEngineBench({ jobs: [named("quick", {}, async () => done()), named("slow", {}, async () => (await held, done()))] });
    await bench.acceptOne({ type: "slow", payload: {} });
    const quick = await bench.acceptOne({ type: "quick", payload: {} });
    const batch = bench.deliver(bench.held.slice());
    await expect.poll(async () => (await bench.row(quick))?.state).toBe("done");
    expect(bench.events.filter((each) => each.event === "settled")).toHaveLength(1);
    go();
    expect((await batch).every(({ answer }) => answer === "ack")).toBe(true);
  });

  test("side by side up to the type's concurrency", async () => {
    let inside = 0;
    let most = 0;
    const full = Promise.withResolvers<void>();
    const run = async () => {
      most = Math.max(most, ++inside);
      if (inside === 3) full.resolve();
      await full.promise;
      await new Promise((resolve) => setTimeout(resolve, 50));
      inside--;
      return done();
    };
    const bench = createEngineBench({ jobs: [named("narrow", { concurrency: 3 }, run)] });
    for (let n = 0; n < 12; n++) await bench.acceptOne({ type: "narrow", payload: {} });
    await bench.deliver(bench.held.slice());
    expect(most).toBe(3);
  });

  test("a run is asked to yield after a minute, and before its batch ends", async () => {
    const yields: boolean[] = [];
    const bench = createEngineBench({
      jobs: [
        named("long", { timeout: 720 }, async (context) => {
          yields.push(context.shouldYield());
          bench.advance(60 * second);
          yields.push(context.shouldYield());
          return yields.length > 2 ? done() : again(1);
        }),
      ],
    });
    await bench.acceptOne({ type: "long", payload: {} });
    await bench.deliverAll();
    expect(yields).toEqual([false, true, false, true]);
  });
});

function named(type: string, policy: Partial<Policy>, run: (context: RunContext) => Promise<Outcome>) {
  return job(defineJob({ type, queue: "events", payload: v.strictObject({}), policy }), (_payload, context) => run(context));
}
