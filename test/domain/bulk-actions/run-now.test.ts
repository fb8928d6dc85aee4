import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createReportsOn } from "../../../src/app/reports";
import { createBulkActions } from "../../../src/domain/bulk-actions/operate";
import { runAllNow } from "../../../src/domain/bulk-actions/run-now";
import { createBulkStore } from "../../../src/domain/bulk-actions/store";
import type { GateView } from "../../../src/domain/gates/model";
import { paidPlanLimit } from "../../../src/domain/installation/ledger-size";
import { failureKind } from "../../../src/ledger/failure-kind";
import { openJobIds } from "../../../src/ledger/open-jobs";
import { createPauseStore } from "../../../src/ledger/pauses";
import { createQueries } from "../../../src/ledger/queries";
import { createReplayable } from "../../../src/ledger/replayable";
import { jobsById } from "../../../src/ledger/search";
import { rotationMark } from "../../../src/ledger/watermarks";
import { createEngineBench } from "../../support/engine";
import { statesOf } from "../../support/jobs-of";
import { emptyLedger } from "../../support/invariants";

beforeEach(async () => {
  await emptyLedger();
  await env.DB.prepare("DELETE FROM bulk_actions").run();
});

const openMail: GateView = {
  ...{ dependency: "mail", circuit: "open", openUntil: null, failures: 5, slots: { used: 0, max: 4 }, rate: null, held: 1, parked: 1 },
  lastFailure: null,
};

function setUp() {
  const bench = createEngineBench();
  const { engine, now } = bench;
  const queries = createQueries(env.DB);
  const pauses = createPauseStore(env.DB);
  const world = { gates: [] as GateView[] };
  const reports = createReportsOn({
    env,
    now,
    queries,
    pauses: (tenant) => pauses.list(tenant),
    gates: {
      first: async () => world.gates,
      named: async (_tenant, names) => world.gates.filter(({ dependency }) => names.includes(dependency)),
    },
    registry: engine.registry,
    workers: { polls: async () => new Map() },
    dayLimit: async () => null,
    ledgerLimit: async () => paidPlanLimit,
  });
  const bulk = createBulkActions({
    now,
    store: createBulkStore(env.DB),
    replayable: createReplayable(env.DB),
    jobs: (tenant, filter, page) => queries.jobs(tenant, filter, page),
    openOf: (tenant, ids) => openJobIds(env.DB, tenant, ids, async () => false),
    jobsOf: (tenant, ids) => jobsById(env.DB, tenant, ids),
    why: (tenant, jobs) => reports.why(tenant, jobs),
    act: { cancel: async () => 0, dismiss: async () => 0, "run-now": (tenant, ids) => runAllNow(env.DB, engine, tenant, ids) },
    lastServed: rotationMark(env.DB, "bulk-actions"),
  });
  /** Accepts and runs jobs of this script once. */
  const given = async (count: number, script: object[], more: object = {}) => {
    const receipts = await bench.accept(Array.from({ length: count }, () => ({ payload: { script }, ...more })));
    await deliverDue();
    return receipts.map((receipt) => (receipt.ok ? receipt.id : ""));
  };
  const deliverDue = async () => {
    for (let due = bench.held.filter(({ at }) => at <= now()); due.length > 0; due = bench.held.filter(({ at }) => at <= now()))
      await bench.deliver(due.slice(0, 100));
    await bench.settle();
  };
  const states = () => statesOf("one");
  return { bench, bulk, world, pauses, given, deliverDue, states };
}

const fails = [{ do: "retry", after: 3600, reason: 'mail: 422 sender "ann" is not known' }, { do: "done" }];

test("after the correction 213 retrying jobs of a failure group go on at once, each once; others of the type wait on", async () => {
  const { bench, bulk, given, deliverDue, states } = setUp();
  await given(213, fails);
  await given(4, [{ do: "retry", after: 3600, reason: "mail: timed out" }, { do: "done" }]);
  expect(await states()).toEqual({ retrying: 217 });
  const request = { action: "run-now", filter: { group: await failureKind("scripted", 'mail: 422 sender "ann" is not known') } } as const;
  expect(await bulk.plan("one", request)).toEqual({ total: 213, byType: { scripted: 213 }, more: false });
  expect(await states()).toEqual({ retrying: 217 });
  expect(await bulk.create("one", request)).toMatchObject({ action: "run-now", state: "done", total: 213, done: 213, failed: 0 });
  expect(await bulk.create("one", request)).toMatchObject({ total: 0, done: 0, failed: 0 });
  await deliverDue();
  expect(await states()).toEqual({ done: 213, retrying: 4 });
  expect(bench.runs.length).toBe(217 + 213);
  await bench.tick(2 * 3_600_000);
  await bench.deliverAll();
  expect([await states(), bench.runs.length]).toEqual([{ done: 217 }, 217 + 213 + 4]);
});

test("takes delayed, waiting and retrying jobs, and leaves those on their way and those that ended", async () => {
  const { bench, bulk, given, deliverDue, states } = setUp();
  await given(2, [{ do: "done" }], { delaySeconds: 600 });
  await given(2, [{ do: "done" }], { delaySeconds: 7200 });
  await given(3, [{ do: "wait", ms: 50_000 }, { do: "done" }]);
  await given(5, fails);
  await given(1, [{ do: "done" }]);
  await given(1, [{ do: "discard" }]);
  await bench.accept([{ payload: { script: [{ do: "done" }] } }]);
  const plan = async (filter: object) => (await bulk.plan("one", { action: "run-now", filter })).total;
  expect([await plan({ type: "scripted" }), await plan({ state: "scheduled" }), await plan({ state: "waiting" }), await plan({ state: "retrying" })]).toEqual([
    12, 4, 3, 5,
  ]);
  expect([
    await plan({ type: "email" }),
    await plan({ queue: "none" }),
    (await bulk.plan("two", { action: "run-now", filter: { type: "scripted" } })).total,
  ]).toEqual([0, 0, 0]);
  expect(await bulk.create("one", { action: "run-now", filter: { type: "scripted" } })).toMatchObject({ state: "done", total: 12, done: 12, failed: 0 });
  await deliverDue();
  expect(await states()).toEqual({ done: 14, discarded: 1 });
});

test("leaves out jobs that an open circuit or a pause holds: running them now would not help", async () => {
  const { bulk, world, pauses, given, states } = setUp();
  await given(3, [{ do: "wait", gate: "mail", park: true }]);
  const [retrying = ""] = await given(2, fails);
  const [parked = ""] = (await createQueries(env.DB).jobs("one", { state: "waiting" }, { limit: 1 })).jobs.map(({ id }) => id);
  const request = { action: "run-now", filter: { type: "scripted" } } as const;
  world.gates = [openMail];
  expect(await bulk.plan("one", request)).toMatchObject({ total: 2 });
  expect(await bulk.create("one", { action: "run-now", ids: [retrying, parked, retrying] })).toMatchObject({ total: 1, done: 1, failed: 1 });
  world.gates = [{ ...openMail, circuit: "closed" }];
  expect(await bulk.plan("one", request)).toMatchObject({ total: 4 });
  await pauses.put("*", "type", "scripted", { actor: "root" }, 0);
  expect(await bulk.create("one", request)).toMatchObject({ state: "done", total: 0, done: 0 });
  expect(await states()).toEqual({ waiting: 3, retrying: 1, queued: 1 });
});

test("leaves out jobs that wait by the plan of their campaign: they would wait again", async () => {
  const { bulk, given, states } = setUp();
  const ids = await given(3, [{ do: "wait", ms: 50_000 }, { do: "done" }]);
  await env.DB.prepare("UPDATE jobs SET type = 'campaign-page', reason = 'the campaign''s rate' WHERE id <> ?").bind(ids[0]).run();
  expect(await bulk.plan("one", { action: "run-now", filter: { state: "waiting" } })).toMatchObject({ total: 1, byType: { scripted: 1 } });
  expect(await bulk.create("one", { action: "run-now", ids })).toMatchObject({ total: 1, done: 1, failed: 2 });
  expect(await states()).toEqual({ waiting: 2, queued: 1 });
});

test("is carried on by the tick, can be stopped, and a step taken twice brings each job forward once", async () => {
  const { bench, bulk, given } = setUp();
  await given(1700, [{ do: "done" }], { delaySeconds: 7200 });
  const begun = await bulk.create("one", { action: "run-now", filter: { state: "scheduled" } });
  expect(begun).toMatchObject({ state: "running", total: 1700, done: 1000 });
  await Promise.all([bulk.continueAll(), bulk.continueAll()]);
  expect(await bulk.get("one", begun.id)).toMatchObject({ state: "done", failed: 0 });
  await bench.deliver(bench.held.filter(({ at }) => at <= bench.now()));
  expect(await statesOf("one")).toEqual({ done: 1700 });
  expect(bench.runs.length).toBe(1700);
  expect(new Set(bench.runs.map(({ id }) => id)).size).toBe(1700);
  await given(1200, [{ do: "done" }], { delaySeconds: 7200 });
  const { id } = await bulk.create("one", { action: "run-now", filter: { state: "scheduled" } });
  expect((await bulk.abort("one", id))?.action).toMatchObject({ state: "stopped", done: 1000 });
  expect(await bulk.continueAll()).toEqual({ done: 0, failed: 0 });
});
