import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { again, done, type Outcome, retry, wait } from "../../src/queue/outcome";
import { createEngineBench, type Held } from "../support/engine";
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

describe("what a run's context has", () => {
  test("its number of attempts, its time, its tenant", async () => {
    const contexts: unknown[] = [];
    const { bench, start } = running(async (context, call) => {
      contexts.push([context.attempt, context.at, context.tenant, context.type, context.dryRun]);
      return call < 3 ? retry("x") : call === 3 ? wait("w", { until: 0 }) : done();
    });
    const at = bench.now();
    await start();
    await bench.deliverAll();
    expect(contexts).toEqual([1, 2, 3, 3].map((attempt) => [attempt, at, "one", "worker", false]));
  });

  test("progress is shown, at most once a second, the last at the end", async () => {
    const { bench, start } = running(async (context) => {
      for (let n = 1; n <= 5; n++) await context.progress(n, 5, `for anna@example.com ${n}`);
      expect((await bench.row(context.id))?.progress).toContain('"done":1');
      return done();
    });
    const id = await start();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", progress: JSON.stringify({ done: 5, total: 5, note: "for [e-mail] 5", at: bench.now() }) });
  });
});
