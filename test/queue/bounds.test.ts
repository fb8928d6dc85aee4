import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { defineJob, job } from "../../src/queue/job";
import { retryNow } from "../../src/queue/operate";
import { done } from "../../src/queue/outcome";
import { createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { recordingDb } from "../support/recorder";
import { foundBy } from "../support/rows";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const fine = { script: [{ do: "done" }] };
/** Queries one invocation of a Worker may make. */
const mostQueries = 1000;

describe("what one invocation asks of the ledger is bounded", () => {
  test.each([200, 400])("a tick with %i tenants, busy and idle", async (tenants) => {
    const { db, statements } = recordingDb();
    const bench = createEngineBench({ db });
    await bench.accept(Array.from({ length: tenants }, (_, n) => ({ tenant: `t${n}`, payload: fine })));
    await bench.deliverAll();
    for (const wait of [11 * minute, minute]) {
      statements.splice(0);
      await bench.tick(wait);
      expect(statements.length).toBeLessThan(mostQueries / 10);
    }
  });

  test("three hundred dead letters brought back by their keys in one request", async () => {
    const { db, counts } = recordingDb();
    const bench = createEngineBench({ db });
    const requests = Array.from({ length: 300 }, (_, n) => ({ key: `k${n}`, payload: { script: [{ do: "discard" }] } }));
    await bench.accept(requests);
    await bench.deliverAll();
    const before = counts.batches;
    expect((await bench.accept(requests)).every((receipt) => receipt.ok && receipt.state === "queued")).toBe(true);
    expect(counts.batches - before).toBeLessThan(10);
  });

  test("gates are asked side by side", async () => {
    let inside = 0;
    const all = Promise.withResolvers<void>();
    const enter = async (_tenant: string, _gate: string, ids: readonly string[]) => {
      if (++inside === 20) all.resolve();
      // No gate answers before all are asked.
      await all.promise;
      return ids.map((id) => ({ granted: true as const, lease: id }));
    };
    const admit = (_tenant: string, _gate: string, waiting: number) => Promise.resolve({ count: waiting, perSecond: Infinity });
    const bench = createEngineBench({ gates: { enter, leave: () => Promise.resolve(), admit } });
    await bench.accept(Array.from({ length: 20 }, (_, n) => ({ tenant: `t${n}`, payload: { ...fine, gate: "mail" } })));
    await bench.deliver(bench.held.slice());
    expect(inside).toBe(20);
  });
});

test("parked jobs are let in one of each tenant in turn", async () => {
  const bench = createEngineBench({
    gates: {
      enter: async (_tenant, _gate, ids) => ids.map(() => ({ granted: false as const, reason: "open", until: bench.now() + 10 * minute, park: true })),
      leave: () => Promise.resolve(),
      admit: (_tenant, _gate, waiting) => Promise.resolve({ count: waiting, perSecond: 50 }),
    },
  });
  await bench.accept(Array.from({ length: 300 }, () => ({ tenant: "aaa", payload: { ...fine, gate: "mail" } })));
  await bench.accept([{ tenant: "bbb", payload: { ...fine, gate: "mail" } }]);
  await bench.deliverAll();
  await bench.tick(minute);
  const order = bench.held.map(({ body }) => (body as { tenant: string }).tenant);
  expect(order).toHaveLength(301);
  expect(order.indexOf("bbb")).toBeLessThan(2);
});

describe("time", () => {
  test("a job delayed beyond its greatest age waits as long as it asks to", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ delaySeconds: 5 * 86_400, payload: { script: [{ do: "wait", ms: hour }, { do: "done" }] } });
    await bench.tick(5 * day + minute);
    await bench.deliver(bench.held.slice());
    const row = await bench.row(id);
    expect(row).toMatchObject({ state: "waiting" });
    expect((row?.due ?? 0) - bench.now()).toBe(hour);
  });

  test("a replay of an old job has its attempts and its waits", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "discard" }, { do: "wait", ms: hour }, { do: "retry" }, { do: "done" }] } });
    await bench.deliverAll();
    bench.advance(5 * day);
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
    await bench.deliverAll();
    await bench.tick(hour + minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("a job that was only held back has not started, and says why", async () => {
    const bench = createEngineBench({
      gates: {
        enter: async (_tenant, _gate, ids) => ids.map(() => ({ granted: false as const, reason: "open", until: bench.now() + 30_000, park: false })),
        leave: () => Promise.resolve(),
        admit: (_tenant, _gate, waiting) => Promise.resolve({ count: waiting, perSecond: 1 }),
      },
    });
    const id = await bench.acceptOne({ payload: { ...fine, gate: "mail" } });
    for (let times = 0; times < 3; times++) {
      await bench.deliver(bench.held.slice());
      bench.advance(31_000);
    }
    expect(await bench.row(id)).toMatchObject({ state: "waiting", runs: 0, started: null });
    expect(await bench.all("SELECT event, detail, times, ms FROM history WHERE job = ?", id)).toEqual([
      { event: "waiting", detail: "mail: open", times: 3, ms: null },
    ]);
  });

  test("a job that saves and then kills its Worker, each time, ends dead", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "checkpoint" }, { do: "call", name: "kill" }, { do: "done" }] } });
    bench.calls["kill"] = () => (bench.faults.ledger = true);
    for (let round = 0; round < 60; round++) {
      bench.faults.ledger = false;
      bench.advance(2 * hour);
      await bench.deliver(bench.held.slice());
    }
    bench.faults.ledger = false;
    expect(await bench.row(id)).toMatchObject({ state: "dead" });
  });
});

describe("keys", () => {
  test("a refused payload under a used key leaves no name behind", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ key: "k", payload: { ...fine, entity: "order:1" } });
    const [second] = await bench.accept([{ key: "k", payload: { ...fine, entity: "order:2", text: "x".repeat(120_000) } }]);
    await bench.settle();
    expect(second).toMatchObject({ ok: false, code: "idempotency-mismatch" });
    expect([await foundBy("one", "order:1"), await foundBy("one", "order:2")]).toEqual([[id], []]);
  });

  test("a refusal for the mode alone leaves the first one its payload", async () => {
    const bench = createEngineBench();
    const payload = { ...fine, text: "x".repeat(120_000) };
    const id = await bench.acceptOne({ key: "k", payload });
    expect(await bench.accept([{ key: "k", dryRun: true, payload }])).toMatchObject([{ ok: false, code: "idempotency-mismatch" }]);
    await bench.settle();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("a dry run and the real thing are two payloads", async () => {
    const bench = createEngineBench();
    await bench.accept([{ key: "k", dryRun: true, payload: fine }]);
    expect(await bench.accept([{ key: "k", payload: fine }])).toMatchObject([{ ok: false, code: "idempotency-mismatch" }]);
  });

  test("a dead letter brought back by its key honours the delay", async () => {
    const bench = createEngineBench();
    const payload = { script: [{ do: "discard" }, { do: "done" }] };
    const id = await bench.acceptOne({ key: "k", payload });
    await bench.deliverAll();
    const before = bench.now();
    await bench.acceptOne({ key: "k", payload, delaySeconds: 600 });
    await bench.deliverAll();
    expect(bench.runs.filter((run) => run.id === id)[1]?.at).toBeGreaterThanOrEqual(before + 600_000);
  });

  test("a sender that repeats itself brings no dead letter back", async () => {
    const bench = createEngineBench();
    const payload = { script: [{ do: "discard" }] };
    const id = await bench.acceptOne({ key: "k", payload });
    await bench.deliverAll();
    expect(await bench.accept([{ key: "k", payload, revive: false }])).toMatchObject([{ ok: true, id, state: "discarded", replayed: true }]);
    expect(bench.held).toEqual([]);
  });

  test("renaming a type keeps the ids of its keys", async () => {
    const make = (type: string, aliases: string[]) => job(defineJob({ type, aliases, queue: "events", payload: v.strictObject({}) }), async () => done());
    const before = createEngineBench({ jobs: [make("old-name", [])] });
    const first = idOf((await before.accept([{ type: "old-name", key: "k", payload: {} }]))[0]);
    const after = createEngineBench({ jobs: [make("new-name", ["old-name"])] });
    expect(idOf((await after.accept([{ type: "new-name", key: "k", payload: {} }]))[0])).toBe(first);
  });

  test.each([
    ["small", "second"],
    ["large", "y".repeat(120_000)],
  ])("a second payload accepted while the ledger was away is a dead letter with its body: %s", async (_size, text) => {
    const bench = createEngineBench();
    await bench.acceptOne({ key: "k", payload: fine });
    await bench.deliverAll();
    bench.faults.ledger = true;
    await bench.accept([{ key: "k", payload: { ...fine, text } }]);
    bench.faults.ledger = false;
    await bench.deliver(bench.held.slice(), { to: text.length > 100 ? "consume" : "backstop" });
    expect(bench.held).toEqual([]);
    const [letter] = await bench.all<{ payload: string | null; ref: string | null }>("SELECT payload, ref FROM jobs WHERE state = 'discarded'");
    expect(letter?.ref ?? letter?.payload).toMatch(text.length > 100 ? /^one\// : /second/);
  });
});

test("an effect asked for twice at once is done once", async () => {
  const bench = createEngineBench();
  await bench.acceptOne({ payload: { script: [{ do: "call", name: "twice" }, { do: "done" }] } });
  let acts = 0;
  bench.calls["twice"] = (context) => {
    const act = async () => {
      acts++;
      await new Promise((resolve) => setTimeout(resolve, 2));
      return { ok: true as const, value: 1 };
    };
    return Promise.all([context.effect("a", act), context.effect("a", act)]);
  };
  await bench.deliver(bench.held.slice());
  expect(acts).toBe(1);
});

test.each([
  ["cancelled", "UPDATE jobs SET cancel = 1 WHERE id = ?"],
  ["taken over", "UPDATE jobs SET lease = 'other' WHERE id = ?"],
])("an effect is not begun by a run that was %s two seconds ago", async (_how, sql) => {
  const bench = createEngineBench();
  const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "change" }, { do: "effect", idempotentFor: 86_400 }, { do: "done" }] } });
  bench.calls["change"] = async () => {
    await env.DB.prepare(sql).bind(id).run();
    bench.advance(2000);
  };
  await bench.deliver(bench.held.slice());
  expect(bench.outside.size).toBe(0);
});
