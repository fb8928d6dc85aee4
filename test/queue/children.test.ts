import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createIds } from "../../src/queue/id";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { done, type Outcome, retry, wait } from "../../src/queue/outcome";
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

const fine = { script: [{ do: "done" as const }] };

/** A bench with one job of this behaviour; `call` counts its runs from 1. */
function running(run: (context: RunContext, call: number, payload: unknown) => Promise<Outcome>, policy: Partial<Policy> = {}) {
  let calls = 0;
  const contract = defineJob({ type: "worker", queue: "events", payload: v.looseObject({}), policy: { backoff: { base: 1, cap: 1 }, timeout: 60, ...policy } });
  const child = job(scripted, async () => done());
  const bench = createEngineBench({ jobs: [job(contract, (payload, context) => run(context, ++calls, payload)), child] });
  return { bench, contract, start: (payload = {}) => bench.acceptOne({ type: "worker", payload }) };
}

describe("children", () => {
  test("a run that is repeated repeats none of them", async () => {
    const ids = new Map<string, Set<string>>();
    const { bench, start } = running(async (context, call) => {
      for (const key of ["a", "b", "c"]) {
        // What a second look at the shop would find may differ; the child stays the first one.
        const id = await context.enqueue(scripted, { ...fine, text: `seen ${call}` }, { key });
        ids.set(key, (ids.get(key) ?? new Set()).add(id));
        if (call === 1 && key === "b") return retry("half-way");
      }
      return done();
    });
    const id = await start();
    await bench.deliverAll();
    expect([...ids.values()].map((set) => set.size)).toEqual([1, 1, 1]);
    const children = await bench.all("SELECT state, runs, parent FROM jobs WHERE parent IS NOT NULL");
    expect(children).toEqual(Array.from({ length: 3 }, () => ({ state: "done", runs: 1, parent: id })));
  });

  test("are sent before the outcome is recorded", async () => {
    const { bench, start } = running(async (context) => (await context.enqueue(scripted, fine, { key: "a" }), done()));
    await start();
    bench.faults.ledger = (call) => call === "settle";
    await bench.deliver(bench.held.slice());
    expect(bench.held.filter(({ body }) => (body as { type: string }).type === "scripted")).toHaveLength(1);
  });

  test("a dead child is not woken by its parent's next run", async () => {
    let child = "";
    const { bench, start } = running(async (context, call) => {
      child = await context.enqueue(scripted, fine, { key: "a" });
      return call === 1 ? wait("later", { until: context.now() + 30 * second }) : done();
    });
    await start();
    await bench.deliver(bench.held.slice());
    await env.DB.prepare("UPDATE jobs SET state = 'dead', ended = 1 WHERE id = ?").bind(child).run();
    await bench.deliverAll();
    expect(await bench.row(child)).toMatchObject({ state: "dead", runs: 0 });
  });

  test("delayed, dry as their parent, cancelled by their key", async () => {
    const { bench, contract } = running(async (context, call) => {
      if (call > 1) return done();
      await context.enqueue(scripted, fine, { key: "soon", delaySeconds: 60 });
      await context.enqueue(scripted, fine, { key: "later", delaySeconds: 7200 });
      await context.enqueue(scripted, fine, { key: "stays", delaySeconds: 60 });
      await context.cancel(scripted, "soon");
      await context.cancel(scripted, "later");
      await context.cancel(scripted, "never was");
      return done();
    });
    await bench.acceptOne({ type: contract.type, payload: {}, dryRun: true });
    await bench.deliverAll();
    const rows = await bench.all<{ state: string; dry: number }>("SELECT state, dry FROM jobs WHERE parent IS NOT NULL ORDER BY state");
    expect(rows).toEqual([
      { state: "cancelled", dry: 1 },
      { state: "cancelled", dry: 1 },
      { state: "done", dry: 1 },
    ]);
  });

  test("two parents, or two types, with the same key have their own", async () => {
    const { bench, contract, start } = running(async (context, _call, payload) => {
      if ((payload as { leaf?: boolean }).leaf) return done();
      await context.enqueue(scripted, fine, { key: "a" });
      await context.enqueue(contract, { leaf: true }, { key: "a" });
      return done();
    });
    await start();
    await start();
    await bench.deliverAll();
    expect(await bench.all("SELECT id FROM jobs WHERE parent IS NOT NULL")).toHaveLength(4);
  });

  test("runs side by side enqueue theirs together: few round trips and few sends", async () => {
    const { bench, start } = running(async (context) => (await Promise.all(["a", "b"].map((key) => context.enqueue(scripted, fine, { key }))), done()), {
      concurrency: 20,
    });
    for (let each = 0; each < 20; each++) await start();
    let looks = 0;
    bench.faults.ledger = (call) => call === "insertKeyed" && ++looks === 0;
    const sends = bench.sent.length;
    await bench.deliver(bench.held.slice());
    expect(await bench.all("SELECT id FROM jobs WHERE parent IS NOT NULL")).toHaveLength(40);
    expect([looks, bench.sent.length - sends]).toEqual([2, 2]);
  });

  test("a child whose queue is full makes the run wait, and counts no attempt", async () => {
    const { bench, start } = running(async (context, call) => {
      bench.engine.backlogLimit = () => (call === 1 ? 0 : 100);
      await context.enqueue(scripted, fine, { key: "a" });
      return done();
    });
    const id = await start();
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "waiting", attempt: 0, reason: expect.stringContaining("jobs waiting") });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", attempt: 0 });
  });

  test("a child that cannot be accepted makes the run fail, which says why without the payload", async () => {
    const { bench, start } = running(async (context) => (await context.enqueue(scripted, { script: "anna@example.com" } as never, { key: "a" }), done()), {
      maxAttempts: 1,
    });
    const id = await start();
    await bench.deliverAll();
    const row = await bench.row(id);
    expect(row?.reason).toContain('child "a" of type scripted was refused');
    expect(row?.reason).not.toContain("anna");
  });
});

test("ids of children follow from parent, type and key alone", async () => {
  const ids = createIds("the id secret of the engine's tests");
  const { bench, start } = running(async (context) => done(await context.enqueue(scripted, fine, { key: "a" })));
  const id = await start();
  await bench.deliver(bench.held.slice());
  expect((await bench.row(id))?.result).toBe(JSON.stringify(await ids.derive("one", ["child", id, "scripted-old", "a"])));
});
