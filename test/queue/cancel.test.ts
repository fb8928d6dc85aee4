import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { cancel } from "../../src/queue/operate";
import { done, type Outcome, retry } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";
import { scripted } from "../support/scripted";

hurry();

beforeAll(async () => void (await env.DB.exec("CREATE TABLE imported (n INTEGER PRIMARY KEY)")));

beforeEach(async () => {
  await emptyLedger();
  await env.DB.exec("DELETE FROM imported");
});

const second = 1000;

const minute = 60 * second;

const fine = { script: [{ do: "done" as const }] };

/** A bench with one job of this behaviour; `call` counts its runs from 1. */
function running(run: (context: RunContext, call: number, payload: unknown) => Promise<Outcome>, policy: Partial<Policy> = {}) {
  let calls = 0;
  const contract = defineJob({ type: "worker", queue: "events", payload: v.looseObject({}), policy: { backoff: { base: 1, cap: 1 }, timeout: 60, ...policy } });
  const child = job(scripted, async () => done());
  const bench = createEngineBench({ jobs: [job(contract, (payload, context) => run(context, ++calls, payload)), child] });
  return { bench, contract, start: (payload = {}) => bench.acceptOne({ type: "worker", payload }) };
}

describe("cancel", () => {
  const ref = (id: string) => ({ tenant: "one", id });

  test.each([
    ["queued", [{ do: "done" }], 0],
    ["retrying", [{ do: "retry" }, { do: "done" }], 1],
    ["waiting", [{ do: "wait" }, { do: "done" }], 1],
    ["parked", [{ do: "wait", gate: "mail", park: true }, { do: "done" }], 1],
    ["waiting in the ledger", [{ do: "wait", ms: 2 * minute }, { do: "done" }], 1],
  ])("%s: at once, and it never runs", async (_name, script, runs) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script } });
    if (runs > 0) await bench.deliver(bench.held.slice());
    expect(await cancel(bench.engine, ref(id))).toEqual({ state: "cancelled", flagged: false, changed: true });
    await bench.tick(20 * minute);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(runs);
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
    expect(await bench.all("SELECT event FROM history WHERE event = 'cancelled'")).toHaveLength(1);
    expect(await bench.all("SELECT id FROM due UNION ALL SELECT id FROM parked")).toEqual([]);
  });

  test.each([
    ["done", [{ do: "done" }]],
    ["discarded", [{ do: "discard" }]],
    ["dead", [{ do: "retry" }]],
  ])("%s: nothing changes", async (state, script) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script } });
    await bench.deliverAll();
    expect(await cancel(bench.engine, ref(id))).toEqual({ state, flagged: false, changed: false });
    expect(await bench.row(id)).toMatchObject({ state, cancel: 0 });
  });

  test("unknown, or another tenant's: null", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    expect(await cancel(bench.engine, { tenant: "two", id })).toBeNull();
    expect(await bench.row(id)).toMatchObject({ state: "queued" });
  });

  test.each([
    ["done", { do: "done" }, "done"],
    ["retry", { do: "retry" }, "cancelled"],
    ["wait", { do: "wait", ms: 5 * minute }, "cancelled"],
    ["again", { do: "again" }, "cancelled"],
    ["discard", { do: "discard" }, "cancelled"],
    ["throw", { do: "throw" }, "cancelled"],
  ])("while it runs: it said %s", async (_name, step, state) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "cancel" }, step] } });
    bench.calls["cancel"] = async () => expect(await cancel(bench.engine, ref(id))).toEqual({ state: "running", flagged: true, changed: true });
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state });
    expect(bench.held).toEqual([]);
    expect(await bench.all("SELECT id FROM dead_letters")).toEqual([]);
    await bench.tick(20 * minute);
    expect(bench.held).toEqual([]);
  });

  test.each([
    ["effect", { do: "effect" }],
    ["progress", { do: "progress", done: 1 }],
  ])("while it runs: its next %s refuses", async (_name, step) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "cancel" }, step, { do: "done" }] } });
    bench.calls["cancel"] = async () => void (await cancel(bench.engine, ref(id)));
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: "ack" }]);
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
    expect([...bench.outside]).toEqual([]);
  });

  test("while it runs long: the signal fires within a poll", async () => {
    let why: unknown;
    const { bench, start } = running(async (context) => {
      await cancel(bench.engine, ref(context.id));
      bench.advance(2 * second);
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      why = context.signal.reason;
      throw new Error("aborted");
    });
    const id = await start();
    await bench.deliver(bench.held.slice());
    expect(String(why)).toContain("cancelled");
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
    expect(bench.troubles()).toEqual([]);
  });

  test("a run that ignores the signal is left behind after the grace", async () => {
    const { bench, start } = running(async (context) => (await cancel(bench.engine, ref(context.id)), bench.advance(2 * second), new Promise(() => undefined)));
    const id = await start();
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
  });

  test("asked while the ledger could not be read: a run that ended is still cancelled", async () => {
    const { bench, start } = running(async (context) => {
      await cancel(bench.engine, ref(context.id));
      bench.faults.ledger = (call) => call === "heartbeat";
      bench.advance(5 * second);
      await expect.poll(() => bench.troubles().length).toBeGreaterThan(0);
      return retry("x");
    });
    const id = await start();
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
  });

  test("a job whose Worker died is cancelled by its message or the tick", async () => {
    const bench = createEngineBench();
    const ids = [
      await bench.acceptOne({ payload: { script: [{ do: "call", name: "cancel" }, { do: "retry" }] } }),
      await bench.acceptOne({ payload: { script: [{ do: "call", name: "cancel" }, { do: "retry" }] } }),
    ];
    bench.calls["cancel"] = async (context) => void (await cancel(bench.engine, ref(context.id)));
    bench.faults.ledger = (call) => call === "settle";
    await bench.deliver(bench.held.slice());
    bench.faults.ledger = false;
    bench.held.splice(1);
    await bench.tick(20 * minute);
    await bench.deliverAll();
    for (const id of ids) expect(await bench.row(id)).toMatchObject({ state: "cancelled", runs: 1 });
  });
});
