import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { workFindings } from "../../../src/domain/work/findings";
import { createWorkBench } from "../../support/work-bench";

const minutes = (count: number) => count * 60_000;

beforeEach(async () => void (await env.DB.batch(["parked", "workers", "leases"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)))));

test("a type with waiting jobs that no worker asks for is a finding, until one does", async () => {
  const bench = createWorkBench();
  const { offer, pull, name } = await bench.tenant();
  const other = await bench.tenant();
  await offer(3);
  await other.offer(1, "errand");
  expect(await workFindings(bench.work, bench.now())).toEqual([]);
  bench.advance(minutes(6));
  const found = await workFindings(bench.work, bench.now());
  expect(found.toSorted((a, b) => b.count - a.count)).toMatchObject([
    { tenant: name, cause: "no-worker/chore", subject: "chore", count: 3 },
    { tenant: other.name, cause: "no-worker/errand", subject: "errand", count: 1 },
  ]);
  await pull();
  expect(await workFindings(bench.work, bench.now())).toMatchObject([{ cause: "no-worker/errand" }]);
  await bench.root("/pull", { worker: "fleet", pullId: crypto.randomUUID(), types: ["errand"], waitSeconds: 0, max: 1, leaseSeconds: 3600 });
  expect(await workFindings(bench.work, bench.now())).toEqual([]);
  bench.advance(minutes(6));
  // Two of three still wait for a worker.
  expect(await workFindings(bench.work, bench.now())).toContainEqual(expect.objectContaining({ cause: "no-worker/chore" }));
});

test("workers are listed to their tenant with types, signs of life, jobs in hand and what is asked of them", async () => {
  const bench = createWorkBench();
  const { offer, pull, post, mint, one } = await bench.tenant();
  const other = await bench.tenant();
  await offer(2);
  const job = await one();
  await pull({ worker: "w2", types: ["errand", "chore"], max: 0.5 });
  await pull({ worker: "w2", types: ["errand", "chore"] });
  await post("/beat", { worker: "w1", beats: [{ id: job.id, lease: job.lease }] });
  const list = async (token: string) => (await bench.call("GET", "/v1/workers", { token })).body;
  const reader = await mint(["read", "operate"]);
  const seen = { lastPoll: bench.now(), state: "run" };
  expect(await list(reader)).toEqual([
    { worker: "w1", types: ["chore"], lastBeat: bench.now(), leases: 1, ...seen },
    { worker: "w2", types: ["chore", "errand"], lastBeat: null, leases: 1, ...seen },
  ]);
  expect(await list(await other.mint(["read"]))).toEqual([]);
  for (const state of ["quiet", "stop"]) {
    expect(await bench.call("POST", "/v1/workers/w1/state", { token: reader, body: { state } })).toMatchObject({ status: 200, body: { worker: "w1", state } });
    expect((await pull()).body).toMatchObject({ jobs: [], workerState: state, pollAfterMs: 15_000 });
    expect((await post("/beat", { worker: "w1", beats: [{ id: job.id, lease: job.lease }] })).body.workerState).toBe(state);
  }
  expect((await bench.call("POST", "/v1/workers/nobody/state", { token: reader, body: { state: "run" } })).status).toBe(404);
  expect((await bench.call("POST", "/v1/workers/w1/state", { token: await other.mint(["operate"]), body: { state: "run" } })).status).toBe(404);
  expect((await bench.call("POST", "/v1/workers/w1/state", { token: reader, body: { state: "dance" } })).status).toBe(422);
});

test("a worker without a lease and without a call for a minute has ended, whatever state was asked of it; its next pull lists it again", async () => {
  const bench = createWorkBench();
  const { offer, pull, mint, one, post } = await bench.tenant();
  await offer();
  const job = await one({ worker: "w1" });
  await post("/beat", { worker: "w1", beats: [{ id: job.id, lease: job.lease, extendSeconds: 600 }] });
  await pull({ worker: "w2" });
  const operator = await mint(["read", "operate"]);
  const states = async () =>
    ((await bench.call("GET", "/v1/workers", { token: operator })).body as { worker: string; state: string }[]).map(
      ({ worker, state }) => `${worker} ${state}`,
    );
  await bench.call("POST", "/v1/workers/w2/state", { token: operator, body: { state: "stop" } });
  expect(await states()).toEqual(["w1 run", "w2 stop"]);
  bench.advance(minutes(1));
  expect(await states()).toEqual(["w1 run", "w2 stop"]);
  bench.advance(1);
  expect(await states()).toEqual(["w1 run", "w2 ended"]);
  await post(`/${job.id}/settle`, { lease: job.lease, outcome: { kind: "done", result: { made: 1 } } });
  await bench.settle();
  expect(await states()).toEqual(["w1 ended", "w2 ended"]);
  await pull({ worker: "w2" });
  expect(await states()).toEqual(["w1 ended", "w2 stop"]);
});
