import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createIds } from "../../src/queue/id";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { cancel } from "../../src/queue/operate";
import { again, done, type Outcome, retry, wait } from "../../src/queue/outcome";
import { createEngineBench, type Held, scripted } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

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

const insert = (n: number) => env.DB.prepare("INSERT INTO imported (n) VALUES (?)").bind(n);
const imported = async () => (await env.DB.prepare("SELECT n FROM imported ORDER BY n").all<{ n: number }>()).results.map(({ n }) => n);

describe("checkpoint", () => {
  test("rows and cursor commit together; the next run goes on from there", async () => {
    const cursors: unknown[] = [];
    const { bench, start } = running(async (context, call) => {
      cursors.push(context.cursor);
      if (call === 1) {
        await context.checkpoint({ page: 2 }, [insert(1), insert(2)]);
        return retry("the shop is away");
      }
      await context.checkpoint({ page: 3 }, [insert(3)]);
      return done();
    });
    const id = await start();
    await bench.deliverAll();
    expect(cursors).toEqual([undefined, { page: 2 }]);
    expect(await imported()).toEqual([1, 2, 3]);
    expect(await bench.row(id)).toMatchObject({ state: "done", cursor: '{"page":3}' });
  });

  test("a write that fails: neither rows nor cursor", async () => {
    const { bench, start } = running(async (context, call) => {
      if (call === 1) await context.checkpoint("x", [insert(1), insert(1)]);
      return done(context.cursor ?? "none");
    });
    const id = await start();
    await bench.deliverAll();
    expect(await imported()).toEqual([]);
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 2, result: '"none"' });
  });

  test("a lost lease: neither rows nor cursor", async () => {
    const { bench, start } = running(async (context, call) => {
      if (call > 1) return done("second");
      bench.advance(20 * minute);
      await bench.deliver([{ ...message, id: "takeover" }]);
      await context.checkpoint("late", [insert(1)]);
      return done("first");
    });
    const id = await start();
    const message = { ...(bench.held[0] as Held) };
    await bench.deliver(bench.held.slice());
    expect(await imported()).toEqual([]);
    expect(await bench.row(id)).toMatchObject({ state: "done", cursor: null, result: '"second"' });
  });

  test("counts as progress: the failures before are forgotten, those after are not", async () => {
    const { bench, start } = running(
      async (context, call) => {
        if (call === 2) await context.checkpoint(call);
        return retry(`call ${call}`);
      },
      { maxAttempts: 3 },
    );
    const id = await start();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead", runs: 4, attempt: 3 });
  });

  test("a cursor too long, or none at all, is the run's mistake", async () => {
    const { bench, start } = running(async (context) => (await context.checkpoint("x".repeat(20_000)), done()), { maxAttempts: 1 });
    const id = await start();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead", reason: expect.stringContaining("at most 16,384") });
  });
});

describe("again", () => {
  test("goes on from its cursor as a new message, as often as it likes", async () => {
    const seen: unknown[] = [];
    const { bench, start } = running(async (context) => {
      seen.push(context.cursor);
      const page = (context.cursor as number | undefined) ?? 0;
      return page < 5 ? again(page + 1) : done();
    });
    const id = await start();
    await bench.deliverAll();
    expect(seen).toEqual([undefined, 1, 2, 3, 4, 5]);
    expect(await bench.row(id)).toMatchObject({ state: "done", seq: 5, runs: 6, attempt: 0 });
  });

  test("a null cursor is a cursor; a retry keeps it", async () => {
    const seen: unknown[] = [];
    const { bench, start } = running(async (context, call) => {
      seen.push(context.cursor);
      return call === 1 ? again(null) : call === 2 ? retry("x") : done();
    });
    await start();
    await bench.deliverAll();
    expect(seen).toEqual([undefined, null, null]);
  });
});

describe("what a run is told", () => {
  test("its number of attempts, its time, its tenant", async () => {
    const told: unknown[] = [];
    const { bench, start } = running(async (context, call) => {
      told.push([context.attempt, context.at, context.tenant, context.type, context.dryRun]);
      return call < 3 ? retry("x") : call === 3 ? wait("w", { until: 0 }) : done();
    });
    const at = bench.now();
    await start();
    await bench.deliverAll();
    expect(told).toEqual([1, 2, 3, 3].map((attempt) => [attempt, at, "one", "worker", false]));
  });

  test("progress is shown, at most once a second, the last at the end", async () => {
    const { bench, start } = running(async (context) => {
      for (let n = 1; n <= 5; n++) await context.progress(n, 5, `for anna@example.com ${n}`);
      expect((await bench.row(context.id))?.progress).toContain('"done":1');
      return done();
    });
    const id = await start();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", progress: '{"done":5,"total":5,"note":"for [e-mail] 5"}' });
  });
});

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

  test("a child whose queue is full makes the run wait, and burns no attempt", async () => {
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

test("ids of children follow from parent, type and key alone", async () => {
  const ids = createIds("the id secret of the engine's tests");
  const { bench, start } = running(async (context) => done(await context.enqueue(scripted, fine, { key: "a" })));
  const id = await start();
  await bench.deliver(bench.held.slice());
  expect((await bench.row(id))?.result).toBe(JSON.stringify(await ids.derive("one", ["child", id, "scripted-old", "a"])));
});
