import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { cancel } from "../../src/queue/operate";
import { createBudget, inTurns } from "../../src/queue/tick/turns";
import { createQueries } from "../../src/ledger/queries";
import { type EngineBench, createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const minute = 60_000;
const hour = 60 * minute;
const fine = { script: [{ do: "done" }] };
const many = (count: number, more: object) => Array.from({ length: count }, () => ({ payload: fine, ...more }));
const messagesOf = (bench: EngineBench, tenant: string) => bench.held.filter(({ body }) => (body as { tenant: string }).tenant === tenant).length;

describe("what waited in the ledger is released by one tick, tenants in turn:", () => {
  test("10,500 due jobs of one tenant and one of another", async () => {
    const bench = createEngineBench();
    const start = bench.now();
    for (let round = 0; round < 3; round++) await bench.accept(many(3500, { tenant: "noisy", runAt: start + hour }));
    const id = idOf((await bench.accept([{ tenant: "quiet", payload: fine, runAt: start + hour + 1000 }]))[0]);
    expect(await bench.tick(61 * minute)).toMatchObject({ released: 10_501, more: false });
    expect(bench.messagesOf(id)).toHaveLength(1);
    expect(bench.held.findIndex(({ body }) => (body as { id: string }).id === id)).toBeLessThan(10);
  });

  test("3,000 jobs that a pause had parked, and one of another tenant", async () => {
    const bench = createEngineBench();
    await env.DB.exec("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'type', 'scripted', 0)");
    await bench.accept(many(3000, { tenant: "noisy" }));
    await bench.accept(many(1, { tenant: "quiet" }));
    while (bench.held.length > 0) await bench.deliver(bench.held.slice(0, 250));
    await env.DB.exec("DELETE FROM pauses");
    expect(await bench.tick(minute)).toMatchObject({ admitted: 3001, more: false });
    expect(messagesOf(bench, "noisy")).toBe(3000);
    expect(messagesOf(bench, "quiet")).toBe(1);
    expect(bench.held.slice(0, 2).map(({ body }) => (body as { tenant: string }).tenant)).toContain("quiet");
  });

  test("what a pause had parked of 300 tenants", async () => {
    const bench = createEngineBench();
    await env.DB.exec("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'type', 'scripted', 0)");
    for (let n = 0; n < 300; n++) await bench.accept([{ tenant: `t${n}`, payload: fine }]);
    while (bench.held.length > 0) await bench.deliver(bench.held.slice(0, 250));
    await env.DB.exec("DELETE FROM pauses");
    expect(await bench.tick(minute)).toMatchObject({ admitted: 300, more: false });
  });

  test("what its time does not reach says so, and the next tick goes on", async () => {
    const bench = createEngineBench();
    const { now } = bench.engine;
    for (const tenant of ["noisy", "quiet"]) await bench.accept(many(tenant === "noisy" ? 2500 : 3, { tenant, delaySeconds: 3600 }));
    let passed = 0;
    bench.engine.now = () => now() + (passed += 4000);
    const first = await bench.tick(61 * minute);
    expect(first.more).toBe(true);
    expect(first.released).toBeLessThan(2503);
    expect(messagesOf(bench, "quiet")).toBe(3);
    let released = first.released;
    for (let ticks = 0; released < 2503 && ticks < 10; ticks++) released += (await bench.tick(minute)).released;
    expect(released).toBe(2503);
    expect(bench.held).toHaveLength(2503);
  });
});

describe("rounds", () => {
  test("give each tenant the same share, whatever the others hold, and end with the budget", async () => {
    const sizes = fc.array(fc.nat({ max: 3000 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 40 }), async (held, statements) => {
        const left = held.map((count, index) => ({ tenant: `t${index}`, count }));
        const served: number[][] = [];
        const budget = createBudget(() => 0, statements, 1000);
        const more = await inTurns(left, budget, async (turn, rows) => {
          budget.spend(1);
          served.push(turn.map((key) => Math.min(rows, key.count)));
          for (const key of turn) key.count -= Math.min(rows, key.count);
          expect(rows * turn.length).toBeLessThanOrEqual(1000);
          return turn.filter(({ count }) => count > 0);
        });
        expect(more).toBe(left.some(({ count }) => count > 0));
        expect(served.length).toBeLessThanOrEqual(statements);
        const total = held.map((count, index) => count - (left[index]?.count ?? 0));
        const unfinished = total.filter((_, index) => (left[index]?.count ?? 0) > 0);
        // The tenants with rows left released equally many, and no tenant released more.
        expect(new Set(unfinished).size).toBeLessThanOrEqual(1);
        if (unfinished[0] !== undefined) expect(Math.max(...total)).toBe(unfinished[0]);
      }),
      { numRuns: 200 },
    );
  });

  test("serve one gate of each tenant at a time", async () => {
    const gates = [...Array.from({ length: 50 }, (_, n) => ({ tenant: "many", gate: `g${n}` })), { tenant: "one", gate: "g" }];
    const budget = createBudget(() => 0, 10, 1000);
    const rounds: string[][] = [];
    const more = await inTurns(gates, budget, async (turn) => (budget.spend(1), rounds.push(turn.map(({ tenant, gate }) => `${tenant}/${gate}`)), turn));
    expect(more).toBe(true);
    expect(rounds).toHaveLength(10);
    expect(rounds.every((turn) => turn.length === 2 && turn.includes("one/g"))).toBe(true);
  });

  test("end when their time is over", async () => {
    let now = 0;
    const budget = createBudget(() => now, 1000, 50);
    let rounds = 0;
    expect(await inTurns([{ tenant: "a" }], budget, async (turn) => ((now += 10), rounds++, turn))).toBe(true);
    expect(rounds).toBe(5);
  });
});

describe("counts leave out", () => {
  test.each([
    ["a parked job that was cancelled", {}, { parked: 1, due: 0 }],
    ["a delayed job that was cancelled", { delaySeconds: 86_400 }, { parked: 0, due: 1 }],
  ])("%s", async (_name, more, before) => {
    const bench = createEngineBench();
    await env.DB.exec("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'type', 'scripted', 0)");
    const id = await bench.acceptOne({ payload: fine, ...more });
    await bench.deliver(bench.held.slice());
    const queries = createQueries(env.DB);
    expect(await queries.backlog("one")).toMatchObject(before);
    expect(await queries.backlog(null)).toMatchObject(before);
    await cancel(bench.engine, { tenant: "one", id });
    expect(await queries.backlog("one")).toEqual({ deadLetters: 0, discarded: 0, parked: 0, due: 0 });
    expect(await bench.all("SELECT id FROM due UNION ALL SELECT id FROM parked")).toEqual([]);
    await env.DB.exec("DELETE FROM pauses");
    await bench.tick(minute);
    expect(await bench.all("SELECT gate FROM parked_gates")).toEqual([]);
  });

  test("a job that is done, though the tick moved its side row while it ran", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "tick" }, { do: "done" }] }, delaySeconds: 60 });
    // The side row of a message stands for ten minutes after the job was due.
    bench.advance(10.8 * minute);
    bench.calls["tick"] = async () => void (await bench.tick(30_000));
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(await bench.all("SELECT id FROM due")).toEqual([{ id }]);
    expect(await createQueries(env.DB).backlog("one")).toMatchObject({ due: 0 });
  });
});
