import { describe, expect, test } from "vitest";
import { createWorkBench, type WorkBench } from "../../support/work-bench";

const seconds = (count: number) => count * 1000;

async function held(bench: WorkBench, payload: unknown = {}) {
  const tenant = await bench.tenant();
  const [id = ""] = await tenant.offer(1, "chore", payload);
  const { lease } = await tenant.one();
  const settle = (outcome: unknown, by: string = lease) => tenant.post(`/${id}/settle`, { lease: by, outcome });
  return { ...tenant, id, lease, settle };
}

describe("a settlement", () => {
  test.each([
    [{ kind: "done", result: { made: 1 } }, "done"],
    [{ kind: "retry", reason: "the shop is closed", afterSeconds: 7 }, "retrying"],
    [{ kind: "wait", reason: "quota", untilMs: 4_000_000_000_000 }, "waiting"],
    [{ kind: "again", cursor: { page: 2 } }, "queued"],
    [{ kind: "discard", reason: "no such thing" }, "discarded"],
  ])("%j: the same again gets the same answer, another is refused", async (outcome, state) => {
    const bench = createWorkBench();
    const { settle } = await held(bench);
    const first = await settle(outcome);
    expect(first).toMatchObject({ status: 200, body: { state, at: bench.now() } });
    bench.advance(seconds(100));
    expect((await settle(outcome)).body).toEqual(first.body);
    await bench.shelve();
    expect((await settle(outcome)).body).toEqual(first.body);
    expect(await settle({ kind: "discard", reason: "something else" })).toMatchObject({ status: 409, body: { code: "already-settled" } });
    expect(await settle(outcome, "A".repeat(43))).toMatchObject({ status: 409, body: { code: "lease-lost" } });
  });

  test("to be tried again comes back to the shelf after its time, with the attempt counted", async () => {
    const bench = createWorkBench();
    const { settle, one, pull, id, job } = await held(bench);
    await settle({ kind: "retry", reason: "the shop is closed", afterSeconds: 7 });
    expect(await job(id)).toMatchObject({ state: "retrying", attempt: 1, reason: "the shop is closed" });
    bench.advance(seconds(6));
    await bench.shelve();
    expect((await pull()).body.jobs).toEqual([]);
    bench.advance(seconds(55));
    await bench.shelve();
    expect(await one()).toMatchObject({ id, attempt: 2, seq: 3 });
  });

  test("again goes on from its cursor, at the next worker that pulls", async () => {
    const bench = createWorkBench();
    const { settle, one, id } = await held(bench);
    await settle({ kind: "again", cursor: { page: 2 } });
    await bench.shelve();
    expect(await one({ worker: "w2" })).toMatchObject({ id, attempt: 1, cursor: { page: 2 } });
  });

  test("that fails too often ends dead, with the reason", async () => {
    const bench = createWorkBench();
    const { settle, one, id, post, job: seen, deadLetters } = await held(bench);
    await settle({ kind: "retry", reason: "no" });
    for (let attempt = 2; attempt <= 3; attempt++) {
      bench.advance(seconds(120));
      await bench.shelve();
      const job = await one();
      expect(job.attempt).toBe(attempt);
      await post(`/${id}/settle`, { lease: job.lease, outcome: { kind: "retry", reason: "no" } });
    }
    expect(await seen(id)).toMatchObject({ state: "dead", attempt: 3, reason: "no" });
    expect(await deadLetters()).toMatchObject([{ id, reason: "no" }]);
  });

  test("with a result that does not fit, or is too large, is refused, and the lease still stands", async () => {
    const bench = createWorkBench();
    const { settle } = await held(bench);
    expect(await settle({ kind: "done", result: { made: "many" } })).toMatchObject({ status: 422, body: { errors: [{ path: "outcome.result.made" }] } });
    expect(await settle({ kind: "done", result: { made: 1, more: "x".repeat(70_000) } })).toMatchObject({ status: 413, body: { code: "too-large" } });
    expect(await settle({ kind: "again", cursor: "x".repeat(20_000) })).toMatchObject({ status: 413 });
    expect(await settle({ kind: "done", result: { made: 1 } })).toMatchObject({ status: 200 });
  });

  test("keeps nothing personal of its payload in a reason", async () => {
    const bench = createWorkBench();
    const { settle, id, job } = await held(bench, { name: "Annabel Lee" });
    await settle({ kind: "discard", reason: "Annabel Lee has no e-mail post@example.com" });
    expect((await job(id))?.reason).toBe("••• has no e-mail [e-mail]");
  });

  test("of an unknown or a forged job is not found", async () => {
    const bench = createWorkBench();
    const { post, id, name } = await held(bench);
    const body = { lease: "x", outcome: { kind: "done" } };
    for (const other of [id.replace(/.$/, (last) => (last === "0" ? "1" : "0")), "nothing"]) expect((await post(`/${other}/settle`, body)).status).toBe(404);
    const never = await bench.engine.ids.make(name, bench.now());
    expect(await post(`/${never}/settle`, body)).toMatchObject({ status: 404, body: { code: "not-found" } });
    const old = await bench.engine.ids.make(name, bench.now() - 6 * 24 * 3_600_000);
    expect(await post(`/${old}/settle`, body)).toMatchObject({ status: 410, body: { code: "gone" } });
  });

  test("many at once: each by itself, one that is wrong fails no other, and twice in one call is once", async () => {
    const bench = createWorkBench();
    const { offer, pull, post } = await bench.tenant();
    await offer(4);
    const [a, b, c, d] = (await pull({ max: 4 })).body.jobs;
    const done = { kind: "done", result: { made: 1 } };
    const { status, body } = await post("/settle", {
      settlements: [
        { id: a.id, lease: a.lease, outcome: done },
        { id: b.id, lease: a.lease, outcome: done },
        { id: c.id, lease: c.lease, outcome: { kind: "nothing" } },
        "no settlement",
        { id: d.id, lease: d.lease, outcome: { kind: "done", result: { made: "x" } } },
        { id: a.id, lease: a.lease, outcome: done },
        { id: a.id, lease: a.lease, outcome: { kind: "discard", reason: "no" } },
      ],
    });
    expect(status).toBe(200);
    expect(body.results).toEqual([
      { id: a.id, ok: true, state: "done", at: bench.now() },
      { id: b.id, ok: false, code: "lease-lost", state: "running", detail: expect.anything() },
      { id: c.id, ok: false, code: "invalid", state: null, detail: expect.stringContaining("must be done, retry, wait, again or discard") },
      { id: null, ok: false, code: "invalid", state: null, detail: "must be an object" },
      { id: d.id, ok: false, code: "invalid", state: "running", detail: expect.stringContaining("outcome.result.made") },
      { id: a.id, ok: true, state: "done", at: bench.now() },
      { id: a.id, ok: false, code: "already-settled", state: "done", detail: expect.anything() },
    ]);
    expect((await post("/settle", { settlements: [] })).status).toBe(422);
    expect((await post("/settle", { settlements: Array.from({ length: 101 }, () => "x") })).status).toBe(422);
  });
});

describe("a lease that ran out", () => {
  test("and whose job no other run took: the settlement is accepted", async () => {
    const bench = createWorkBench();
    const { settle, id, job } = await held(bench);
    bench.advance(seconds(3000));
    expect(await settle({ kind: "done", result: { made: 1 } })).toMatchObject({ status: 200, body: { state: "done" } });
    expect(await job(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("and whose job lies on the shelf again: it is accepted, and the job taken off", async () => {
    const bench = createWorkBench();
    const { settle, id, post, lease, pull, job, parked, name: tenant } = await held(bench);
    await post("/beat", { worker: "w1", beats: [{ id, lease }] });
    bench.advance(seconds(61));
    const { reap } = await import("../../../src/domain/work/reap");
    expect(await reap(bench.work, { tenant, type: "chore" }, bench.now())).toMatchObject({ crashed: 1, void: 0 });
    const back = await job(id);
    expect(back).toMatchObject({ state: "queued", gate: "worker/chore", attempt: 0, doubt: false });
    expect(back?.timeline).toContainEqual(expect.objectContaining({ event: "crashed", times: 1 }));
    expect(await settle({ kind: "done", result: { made: 1 } })).toMatchObject({ status: 200, body: { state: "done" } });
    expect((await pull()).body.jobs).toEqual([]);
    expect(await parked()).toBe(0);
  });

  test("and whose job another worker has: the late worker gets 409, and there is one result", async () => {
    const bench = createWorkBench();
    const { settle, one, id, post, lease, job } = await held(bench);
    await post("/beat", { worker: "w1", beats: [{ id, lease }] });
    bench.advance(seconds(61));
    const second = await one({ worker: "w2" });
    expect(second).toMatchObject({ id, attempt: 1 });
    expect(await settle({ kind: "done", result: { made: 1 } })).toMatchObject({ status: 409, body: { code: "lease-lost", state: "running" } });
    const beat = await post("/beat", { worker: "w1", beats: [{ id, lease }] });
    expect(beat.body.results).toEqual([{ id, ok: false, code: "lease-lost", state: "running" }]);
    expect(await post(`/${id}/settle`, { lease: second.lease, outcome: { kind: "done", result: { made: 2 } } })).toMatchObject({ status: 200 });
    expect(await settle({ kind: "done", result: { made: 1 } })).toMatchObject({ status: 409, body: { code: "lease-lost", state: "done" } });
    expect((await job(id))?.result).toBe('{"made":2}');
  });

  test("again and again: dead after its attempts, the first crash is only a mark", async () => {
    const bench = createWorkBench();
    const { one, id, post, lease, job } = await held(bench);
    const attempts: unknown[] = [];
    for (let pulled: { lease: string } | undefined = { lease }; pulled; pulled = await one()) {
      await post(`/${id}/beat`, { lease: pulled.lease });
      attempts.push((await job(id))?.attempt);
      bench.advance(seconds(61));
    }
    expect(attempts).toEqual([1, 1, 2, 3]);
    expect(await job(id)).toMatchObject({ state: "dead", attempt: 3, reason: expect.stringContaining("in each of its attempts") });
  });

  test("is noticed by the tick for a type that no worker pulls any more", async () => {
    const bench = createWorkBench();
    const { id, post, lease, job } = await held(bench);
    await post(`/${id}/beat`, { lease });
    const { reapWork } = await import("../../../src/intake/tick/reap-work");
    bench.advance(seconds(40));
    await reapWork(bench.work)(bench.now());
    expect(await job(id)).toMatchObject({ state: "running" });
    expect(await bench.all("SELECT at FROM leases WHERE id = ?", id)).toEqual([{ at: bench.now() + seconds(20) }]);
    bench.advance(seconds(21));
    expect(await reapWork(bench.work)(bench.now())).toMatchObject({ crashed: expect.any(Number) });
    const back = await job(id);
    expect(back).toMatchObject({ state: "queued", gate: "worker/chore" });
    expect(back?.timeline.map(({ event }) => event)).toEqual(["queued", "running", "crashed"]);
  });

  test("is left alone by the sweep, also after the Worker was started anew", async () => {
    const bench = createWorkBench({ boot: "one" });
    const { id, post, lease, settle } = await held(bench);
    await post(`/${id}/beat`, { lease, extendSeconds: 3600 });
    bench.engine.boot = "two";
    await bench.tick(seconds(1200));
    await bench.tick(seconds(1200));
    expect(bench.held).toEqual([]);
    expect(await settle({ kind: "done", result: { made: 1 } })).toMatchObject({ status: 200 });
  });
});
