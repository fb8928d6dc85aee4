import { describe, expect, test } from "vitest";
import { reap } from "../../../src/domain/work/reap";
import { createWorkBench, type WorkBench } from "../../support/work-bench";

const seconds = (count: number) => count * 1000;

async function held(bench: WorkBench, payload: unknown = {}) {
  const tenant = await bench.tenant();
  const [id = ""] = await tenant.offer(1, "chore", payload);
  const { lease } = await tenant.one();
  const settle = (outcome: unknown, by: string = lease) => tenant.post(`/${id}/settle`, { lease: by, outcome });
  return { ...tenant, id, lease, settle };
}

describe("heartbeats", () => {
  test("start the job, extend the lease up to the deadline, and save progress and cursor under the lease", async () => {
    const bench = createWorkBench();
    const { post, id, lease, one, pull, job } = await held(bench, { name: "Annabel Lee" });
    const note = "at Annabel Lee";
    const { status, body } = await post("/beat", {
      worker: "w1",
      beats: [{ id, lease, extendSeconds: 600, progress: { done: 3, total: 9, note }, cursor: { at: 3 } }],
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: { results: [{ id, ok: true, leaseUntil: bench.now() + seconds(600), cancel: null, pause: false }], workerState: "run" },
    });
    expect((await job(id))?.progress).toEqual({ done: 3, total: 9, note: "at •••", at: bench.now() });
    bench.advance(seconds(3500));
    await post(`/${id}/beat`, { lease });
    const late = await post(`/${id}/beat`, { lease, extendSeconds: 600 });
    expect(late.body).toMatchObject({ ok: true, leaseUntil: bench.now() + seconds(100), cancel: null, workerState: "run" });
    bench.advance(seconds(100));
    expect((await post(`/${id}/beat`, { lease })).body).toMatchObject({ cancel: { reason: expect.stringContaining("3600 s") } });
    bench.advance(1);
    const next = await one();
    expect(next).toMatchObject({ id, cursor: { at: 3 }, progress: { done: 3, total: 9, note: "at •••" } });
    expect(next?.progress).not.toHaveProperty("at");
    expect((await pull()).body.jobs).toEqual([]);
  });

  test("two for one job in one call get the same lease: the one that the job has", async () => {
    const bench = createWorkBench();
    const { post, id, lease, pull } = await held(bench);
    const beats = [600, 60].map((extendSeconds) => ({ id, lease, extendSeconds }));
    const { body } = await post("/beat", { worker: "w1", beats });
    expect(body.results.map(({ leaseUntil }: { leaseUntil: number }) => leaseUntil - bench.now())).toEqual([60_000, 60_000]);
    bench.advance(seconds(61));
    expect((await pull()).body.jobs).toMatchObject([{ id }]);
  });

  test("one that is wrong fails no other; wrong, lost, ended and unknown have different codes", async () => {
    const bench = createWorkBench();
    const { offer, pull, post } = await bench.tenant();
    await offer(3);
    const [a, b, c] = (await pull({ max: 3 })).body.jobs;
    await post(`/${b.id}/settle`, { lease: b.lease, outcome: { kind: "done" } });
    const beats = [
      { id: a.id, lease: a.lease },
      { id: b.id, lease: b.lease },
      { id: c.id, lease: "wrong" },
      { id: "nothing", lease: "x" },
      { id: c.id, lease: c.lease, more: 1 },
      7,
    ];
    const { body } = await post("/beat", { worker: "w1", beats });
    expect(body.results.map((each: { code?: string }) => each.code ?? "ok")).toEqual(["ok", "ended", "lease-lost", "unknown", "invalid", "invalid"]);
    expect((await post(`/${c.id}/beat`, { lease: "wrong" })).status).toBe(409);
    expect((await post(`/${b.id}/beat`, { lease: b.lease })).status).toBe(410);
    expect((await post(`/nothing/beat`, { lease: b.lease })).status).toBe(404);
    expect((await post(`/${a.id}/beat`, { lease: a.lease, cursor: "x".repeat(9000) })).status).toBe(422);
  });

  test("one with a wrong lease is lost although another of the same call has the right one", async () => {
    const bench = createWorkBench();
    const { post, id, lease } = await held(bench);
    const { body } = await post("/beat", { worker: "w1", beats: ["wrong", lease, "other"].map((each) => ({ id, lease: each })) });
    expect(body.results.map((each: { code?: string }) => each.code ?? "ok")).toEqual(["lease-lost", "ok", "lease-lost"]);
  });

  test("tell of a wish to cancel: done wins, everything else becomes cancelled", async () => {
    const bench = createWorkBench();
    const one = await held(bench);
    const other = await held(bench);
    for (const each of [one, other]) {
      await bench.engine.ledger.cancel({ tenant: each.name, id: each.id }, bench.now());
      expect((await each.post(`/${each.id}/beat`, { lease: each.lease })).body).toMatchObject({ ok: true, cancel: { reason: "the job was cancelled" } });
      expect(await each.post(`/${each.id}/effects/send`, { lease: each.lease })).toMatchObject({ status: 409, body: { code: "conflict" } });
    }
    expect(await one.settle({ kind: "done", result: { made: 1 } })).toMatchObject({ body: { state: "done" } });
    const cancelled = await other.settle({ kind: "retry", reason: "stopped" });
    expect(cancelled).toMatchObject({ status: 200, body: { state: "cancelled" } });
    expect((await other.settle({ kind: "retry", reason: "stopped" })).body).toEqual(cancelled.body);
  });

  test("a job that is cancelled on the shelf is not handed out", async () => {
    const bench = createWorkBench();
    const { offer, pull, parked, name } = await bench.tenant();
    const [id = ""] = await offer();
    expect(await bench.engine.ledger.cancel({ tenant: name, id }, bench.now())).toMatchObject({ state: "cancelled" });
    expect((await pull()).body.jobs).toEqual([]);
    expect(await parked()).toBe(0);
  });

  test("the answer reports a pause", async () => {
    const bench = createWorkBench();
    const { post, id, lease, name } = await held(bench);
    const { createPauseStore } = await import("../../../src/ledger/pauses");
    const { env } = await import("cloudflare:workers");
    await createPauseStore(env.DB).put(name, "type", "chore", { actor: "test" }, bench.now());
    expect((await post(`/${id}/beat`, { lease })).body).toMatchObject({ ok: true, pause: true });
  });
});

describe("a job that is given back", () => {
  test("lies at its old place, no attempt and no run counted; twice is once", async () => {
    const bench = createWorkBench();
    const { offer, one, post, job } = await bench.tenant();
    const [first = ""] = await offer();
    bench.advance(10);
    await offer();
    const { id, lease } = await one();
    expect(id).toBe(first);
    for (let round = 0; round < 2; round++) {
      expect(await post(`/${first}/release`, { lease, reason: "shutting down" })).toMatchObject({ status: 200, body: { state: "queued" } });
    }
    const given = await job(first);
    expect(given).toMatchObject({ state: "queued", runs: 0, attempt: 0 });
    expect(given?.timeline.filter(({ event }) => event === "released")).toMatchObject([{ detail: "shutting down", times: 1 }]);
    const next = await one({ worker: "w2" });
    expect(next).toMatchObject({ id: first, attempt: 1 });
    expect(await post(`/${first}/release`, { lease })).toMatchObject({ status: 409, body: { code: "lease-lost" } });
  });

  test.each([0, 61])("%i s after its pull is not taken back by a heartbeat, an effect or an outcome that comes later", async (age) => {
    const bench = createWorkBench();
    const { name, post, id, lease, pull, job, settle } = await held(bench);
    await post(`/${id}/beat`, { lease });
    bench.advance(seconds(age));
    expect(await reap(bench.work, { tenant: name, type: "chore" }, bench.now())).toMatchObject({ crashed: age > 60 ? 1 : 0 });
    expect((await post(`/${id}/release`, { lease })).body).toMatchObject({ state: "queued" });
    for (const late of [
      await post(`/${id}/beat`, { lease }),
      await post("/beat", { worker: "w1", beats: [{ id, lease }] }),
      await post(`/${id}/effects/send`, { lease }),
      await settle({ kind: "done" }),
    ])
      expect(late.body.code ?? late.body.results[0].code).toBe("lease-lost");
    expect((await post(`/${id}/release`, { lease })).body).toMatchObject({ state: "queued" });
    expect(await job(id)).toMatchObject({ state: "queued" });
    expect((await pull({ worker: "w2" })).body.jobs).toMatchObject([{ id }]);
  });

  test("and was asked to end, ends", async () => {
    const bench = createWorkBench();
    const { post, id, lease, name } = await held(bench);
    await bench.engine.ledger.cancel({ tenant: name, id }, bench.now());
    expect(await post(`/${id}/release`, { lease })).toMatchObject({ status: 200, body: { state: "cancelled" } });
  });
});
