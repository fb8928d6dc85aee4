import { beforeEach, describe, expect, test } from "vitest";
import * as v from "valibot";
import type { Entry, Gates, LeaveReport } from "../../src/queue/ports/gates";
import { defineJob, job } from "../../src/queue/job";
import { done, retry } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const second = 1000;
const minute = 60 * second;
const gated = { script: [{ do: "done" }], gate: "mail" };

type Held = Omit<Entry & { granted: false }, "granted">;

/** A gate that answers as the test sets it: `holds` null lets in. */
function gateOf(start: { holds: Held | null; admits?: { count: number; perSecond: number } }) {
  const log: { entered: string[][]; left: LeaveReport[]; waitingCounts: number[] } = { entered: [], left: [], waitingCounts: [] };
  const state = { ...start };
  const gates: Gates = {
    enter: (_tenant, _gate, ids) => {
      log.entered.push([...ids]);
      return Promise.resolve(
        ids.map((id) => (state.holds ? { granted: false as const, ...state.holds } : { granted: true as const, lease: `lease of ${id}` })),
      );
    },
    leave: (_tenant, _gate, reports) => Promise.resolve(void log.left.push(...reports)),
    admit: (_tenant, _gate, waiting) => (log.waitingCounts.push(waiting), Promise.resolve(state.admits ?? { count: waiting, perSecond: Infinity })),
  };
  return { gates, log, state };
}

describe("held back", () => {
  test.each([
    ["shortly: with its message", { reason: "20 calls at once", until: 30 * second, park: false }, { gate: null, due: 30 * second }, 1],
    ["longer than a minute: parked", { reason: "quota", until: 61 * second, park: false }, { gate: "mail", due: null }, 0],
    ["with many others: parked", { reason: "crowded", until: second, park: true }, { gate: "mail", due: null }, 0],
  ])("%s; nothing is burned, the reason is shown", async (_name, holds, row, messages) => {
    const bench = createEngineBench();
    const start = bench.now();
    const { gates, log, state } = gateOf({ holds: { ...holds, until: start + holds.until } });
    bench.engine.gates = gates;
    const id = await bench.acceptOne({ payload: gated });
    await bench.deliver(bench.held.slice());
    const expected = { ...row, due: row.due === null ? null : start + row.due };
    expect(await bench.row(id)).toMatchObject({ state: "waiting", attempt: 0, runs: 0, reason: `mail: ${holds.reason}`, ...expected });
    expect(bench.messagesOf(id)).toHaveLength(messages);
    expect(bench.runs).toEqual([]);
    state.holds = null;
    await bench.tick(minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, gate: null });
    expect(log.left).toEqual([{ id, lease: `lease of ${id}`, calls: "none" }]);
  });

  test("a hundred times: no attempt, no run, and still it ends", async () => {
    const bench = createEngineBench();
    const { gates, state } = gateOf({ holds: { reason: "busy", until: 0, park: false } });
    bench.engine.gates = gates;
    const id = await bench.acceptOne({ payload: gated });
    for (let n = 0; n < 100; n++) {
      bench.advance(2 * second);
      await bench.deliver(bench.held.slice());
    }
    expect(await bench.row(id)).toMatchObject({ state: "waiting", attempt: 0, runs: 0 });
    state.holds = null;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("until it is too old: a dead letter with the gate's reason", async () => {
    const bench = createEngineBench();
    const { gates } = gateOf({ holds: { reason: "closed", until: Infinity, park: false }, admits: { count: 1, perSecond: 1 } });
    bench.engine.gates = gates;
    const id = await bench.acceptOne({ payload: gated });
    await bench.deliver(bench.held.slice());
    await bench.tick(3 * 24 * 60 * minute + 2 * second);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead", reason: expect.stringContaining("last: mail: closed") });
  });

  test("others of the batch are not", async () => {
    const bench = createEngineBench();
    bench.engine.gates = gateOf({ holds: { reason: "busy", until: 0, park: true } }).gates;
    await bench.acceptOne({ payload: gated });
    const free = await bench.acceptOne({ payload: { script: [{ do: "done" }] } });
    await bench.deliver(bench.held.slice());
    expect(await bench.row(free)).toMatchObject({ state: "done" });
  });

  test("a dry run asks no gate", async () => {
    const bench = createEngineBench();
    const { gates, log } = gateOf({ holds: { reason: "busy", until: 0, park: true } });
    bench.engine.gates = gates;
    const id = await bench.acceptOne({ payload: gated, dryRun: true });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(log.entered).toEqual([]);
  });
});

test("a job that was refused at its gate is let in after those that wait there, so that it is not the one that tries again each time", async () => {
  const bench = createEngineBench();
  const refused = await bench.acceptOne({ payload: { script: [{ do: "wait", gate: "mail", park: true, last: true }, { do: "done" }] } });
  bench.advance(second);
  const behind = await bench.acceptOne({ payload: { script: [{ do: "wait", gate: "mail", park: true }, { do: "done" }] } });
  bench.advance(second);
  await bench.deliver(bench.held.slice());
  const { gates } = gateOf({ holds: null, admits: { count: 1, perSecond: 1 } });
  bench.engine.gates = gates;
  await bench.tick(minute);
  await bench.deliverAll();
  expect([(await bench.row(behind))?.state, (await bench.row(refused))?.state]).toEqual(["done", "waiting"]);
  await bench.tick(minute);
  await bench.deliverAll();
  expect((await bench.row(refused))?.state).toBe("done");
});

test("one question per gate and batch", async () => {
  const bench = createEngineBench();
  const { gates, log } = gateOf({ holds: null });
  bench.engine.gates = gates;
  for (let n = 0; n < 20; n++) await bench.acceptOne({ payload: gated });
  await bench.deliver(bench.held.slice());
  expect(log.entered.map((ids) => ids.length)).toEqual([20]);
  expect(log.left).toHaveLength(20);
});

test("parked jobs are let in as the gate says, the oldest first, spread over the minute", async () => {
  const bench = createEngineBench();
  const { gates, log, state } = gateOf({ holds: { reason: "rate", until: 0, park: true }, admits: { count: 20, perSecond: 2 } });
  bench.engine.gates = gates;
  const ids: string[] = [];
  for (let n = 0; n < 30; n++) ids.push((bench.advance(10), await bench.acceptOne({ payload: gated })));
  await bench.deliver(bench.held.slice());
  expect(await bench.tick(minute)).toMatchObject({ admitted: 20 });
  expect(log.waitingCounts).toEqual([30]);
  const start = bench.now();
  expect(bench.held.map(({ at }) => (at - start) / second)).toEqual(Array.from({ length: 20 }, (_, n) => Math.floor(n / 2)));
  expect(bench.held.map(({ body }) => (body as { id: string }).id)).toEqual(ids.slice(0, 20));
  state.holds = null;
  state.admits = { count: 30, perSecond: 2 };
  await bench.deliverAll();
  expect(await bench.tick(minute)).toMatchObject({ admitted: 10 });
  await bench.deliverAll();
  await bench.tick(minute);
  expect(await bench.all("SELECT DISTINCT state FROM jobs")).toEqual([{ state: "done" }]);
  expect(await bench.all("SELECT gate FROM parked_gates")).toEqual([]);
});

test("a gate that admits no job keeps its jobs", async () => {
  const bench = createEngineBench();
  const { gates } = gateOf({ holds: { reason: "open circuit", until: 0, park: true }, admits: { count: 0, perSecond: 0 } });
  bench.engine.gates = gates;
  await bench.acceptOne({ payload: gated });
  await bench.deliver(bench.held.slice());
  for (let n = 0; n < 5; n++) expect(await bench.tick(minute)).toMatchObject({ admitted: 0 });
  expect(await bench.all("SELECT gate FROM parked")).toEqual([{ gate: "mail" }]);
});

test("two gates: held at one, the lease of the other is given back", async () => {
  const contract = defineJob({ type: "two-gates", queue: "events", payload: v.strictObject({}), gates: ["mail", "shop"] });
  const bench = createEngineBench({ jobs: [job(contract, async () => done())] });
  const { gates, log } = gateOf({ holds: null });
  bench.engine.gates = {
    ...gates,
    enter: (tenant, gate, ids, ms, now) =>
      gate === "shop"
        ? Promise.resolve(ids.map(() => ({ granted: false as const, reason: "busy", until: 0, park: false })))
        : gates.enter(tenant, gate, ids, ms, now),
  };
  const id = await bench.acceptOne({ type: "two-gates", payload: {} });
  await bench.deliver(bench.held.slice());
  expect(log.left).toEqual([{ id, lease: `lease of ${id}`, calls: "none" }]);
  expect(await bench.row(id)).toMatchObject({ state: "waiting", reason: "shop: busy" });
});

test.each([
  [["answered"], "answered"],
  [["transient"], "transient"],
  [["transient", "answered"], "answered"],
  [["answered", "transient"], "answered"],
  [[], "none"],
] as const)("the gate learns of the calls %j as %s", async (calls, report) => {
  const contract = defineJob({
    type: "caller",
    queue: "events",
    payload: v.strictObject({}),
    gates: ["mail"],
    needs: ["mail" as never],
    policy: { maxAttempts: 1 },
  });
  const { gates, log } = gateOf({ holds: null });
  const bench = createEngineBench({
    gates,
    jobs: [job(contract, async () => retry("whatever it says"))],
    capabilities: (_names, scope) => {
      for (const call of calls) scope.onResult("mail", call);
      return Promise.resolve({});
    },
  });
  await bench.acceptOne({ type: "caller", payload: {} });
  await bench.deliverAll();
  expect(log.left.map((each) => each.calls)).toEqual([report]);
});

test("what the tenant lacks is a dead letter that says so, and the gate is left", async () => {
  const contract = defineJob({ type: "needy", queue: "events", payload: v.strictObject({}), gates: ["mail"], needs: ["mail" as never] });
  const { gates, log } = gateOf({ holds: null });
  const bench = createEngineBench({
    gates,
    jobs: [job(contract, async () => done())],
    capabilities: () => Promise.resolve({ missing: "no connection named mail" }),
  });
  const id = await bench.acceptOne({ type: "needy", payload: {} });
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "discarded", reason: "no connection named mail" });
  expect(log.left).toHaveLength(1);
});

test("a contract whose gates cannot be computed fails alone", async () => {
  const contract = defineJob({
    type: "odd",
    queue: "events",
    payload: v.strictObject({}),
    policy: { maxAttempts: 1 },
    gates: () => {
      throw new Error("no such gate");
    },
  });
  const bench = createEngineBench({
    jobs: [job(contract, async () => done()), job(defineJob({ type: "even", queue: "events", payload: v.strictObject({}) }), async () => done())],
  });
  const odd = await bench.acceptOne({ type: "odd", payload: {} });
  const even = await bench.acceptOne({ type: "even", payload: {} });
  await bench.deliverAll();
  expect(await bench.row(odd)).toMatchObject({ state: "dead", reason: "no such gate" });
  expect(await bench.row(even)).toMatchObject({ state: "done" });
});
