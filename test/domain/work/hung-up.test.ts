import { expect, test } from "vitest";
import { createWorkBench, pullBody } from "../../support/work-bench";

test("a request that was cut off and still waits takes nothing once its worker has asked again without waiting", async () => {
  const bench = createWorkBench();
  const { offer, pull } = await bench.tenant();
  const body = pullBody();
  const { pause } = bench.work;
  bench.work.pause = async (milliseconds, signal) => {
    await pause(milliseconds, signal);
    if (bench.waits.length !== 2) return;
    expect((await pull({ ...body, waitSeconds: 0 })).body.jobs).toEqual([]);
    await offer();
  };
  expect((await pull({ ...body, waitSeconds: 20 })).body.jobs).toEqual([]);
  expect(bench.waits).toHaveLength(2);
  expect((await pull()).body.jobs).toHaveLength(1);
});

test("nothing is taken for a worker that has hung up", async () => {
  const bench = createWorkBench();
  const { offer, job, name } = await bench.tenant();
  const { pull } = await import("../../../src/domain/work/pull");
  const [id = ""] = await offer();
  const scope = { tenant: name, caller: "test", types: undefined };
  const pulled = await pull(bench.work, scope, { worker: "w", pullId: crypto.randomUUID(), types: ["chore"], max: 1, waitSeconds: 20 }, AbortSignal.abort());
  expect(pulled).toMatchObject({ ok: true, jobs: [] });
  expect(await job(id)).toMatchObject({ state: "queued", runs: 0 });
});

test("what was taken for a worker that hung up meanwhile is on the shelf again at once, and a repeat of the pull gets nothing twice", async () => {
  const bench = createWorkBench();
  const { offer, one, job, post, name } = await bench.tenant();
  const { pull } = await import("../../../src/domain/work/pull");
  const [id = ""] = await offer();
  const hangsUp = new AbortController();
  const { take } = bench.work.ledger;
  bench.work.ledger.take = async (...parameters) => {
    const taken = await take(...parameters);
    hangsUp.abort();
    return taken;
  };
  const request = { worker: "w", pullId: crypto.randomUUID(), types: ["chore"], max: 1, waitSeconds: 20 };
  const scope = { tenant: name, caller: "test", types: undefined };
  expect(await pull(bench.work, scope, request, hangsUp.signal)).toMatchObject({ ok: true, jobs: [] });
  expect(await job(id)).toMatchObject({ state: "queued", runs: 0, attempt: 0 });
  bench.work.ledger.take = take;
  const next = await one();
  expect(next.id).toBe(id);
  expect(await pull(bench.work, scope, request, new AbortController().signal)).toMatchObject({ ok: true, jobs: [] });
  expect(await job(id)).toMatchObject({ state: "running" });
  expect((await post(`/${id}/beat`, { lease: next.lease })).status).toBe(200);
});
