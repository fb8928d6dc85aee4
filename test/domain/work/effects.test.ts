import { describe, expect, test } from "vitest";
import { createWorkBench, type WorkBench } from "../../support/work-bench";

const seconds = (count: number) => count * 1000;

async function held(bench: WorkBench, request: object = {}) {
  const tenant = await bench.tenant();
  const [receipt] = await bench.accept([{ tenant: tenant.name, type: "chore", payload: {}, ...request }]);
  await bench.shelve();
  const id = receipt?.ok ? receipt.id : "";
  const { lease } = await tenant.one();
  await tenant.post(`/${id}/beat`, { lease });
  const next = async () => {
    bench.advance(seconds(61));
    const job = await tenant.one({ worker: "w2" });
    await tenant.post(`/${id}/beat`, { lease: job.lease });
    return job;
  };
  return { ...tenant, id, lease, next };
}

describe("an effect", () => {
  test("is recorded before the act, and once done not done again, by whichever worker", async () => {
    const bench = createWorkBench();
    const { post, put, id, lease, next, job: seen } = await held(bench);
    const begun = await post(`/${id}/effects/send:1`, { lease });
    expect(begun).toMatchObject({ status: 200, body: { state: "new", idempotencyKey: `${id}:send:1:0` } });
    expect((await seen(id))?.effects).toMatchObject([{ key: "send:1", state: "intent" }]);
    // The answer was lost: the same worker asks again.
    expect((await post(`/${id}/effects/send:1`, { lease })).body).toEqual(begun.body);
    expect(await put(`/${id}/effects/send:1`, { lease, result: { message: 7 } })).toMatchObject({ status: 200, body: { state: "done" } });
    expect(await put(`/${id}/effects/send:1`, { lease, result: { message: 8 } })).toMatchObject({ status: 200 });
    expect((await post(`/${id}/effects/send:1`, { lease })).body).toEqual({ state: "done", result: { message: 7 } });
    const job = await next();
    expect(job.effects).toEqual({ "send:1": { message: 7 } });
    expect((await post(`/${id}/effects/send:1`, { lease: job.lease })).body).toEqual({ state: "done", result: { message: 7 } });
    expect(await post(`/${id}/effects/send:2`, { lease })).toMatchObject({ status: 409, body: { code: "lease-lost" } });
  });

  test("without an answer is in doubt for the next worker", async () => {
    const bench = createWorkBench();
    const { post, id, lease, next } = await held(bench);
    await post(`/${id}/effects/send`, { lease });
    const since = bench.now();
    const job = await next();
    for (let round = 0; round < 2; round++) {
      expect(await post(`/${id}/effects/send`, { lease: job.lease })).toMatchObject({ status: 409, body: { code: "uncertain", since } });
    }
    expect(await bench.engine.ledger.effects([{ tenant: job.tenant, id }])).toEqual([expect.objectContaining({ state: "uncertain", at: since })]);
  });

  test("may be tried again as long as the outside system remembers its key", async () => {
    const bench = createWorkBench();
    const { post, id, lease, next } = await held(bench);
    const first = await post(`/${id}/effects/send`, { lease, idempotentForSeconds: 3600 });
    const job = await next();
    expect((await post(`/${id}/effects/send`, { lease: job.lease, idempotentForSeconds: 3600 })).body).toEqual(first.body);
    bench.advance(seconds(40));
    await post(`/${id}/beat`, { lease: job.lease, extendSeconds: 3600 });
    bench.advance(seconds(3500));
    const third = await next();
    expect(await post(`/${id}/effects/send`, { lease: third.lease, idempotentForSeconds: 3600 })).toMatchObject({ status: 409, body: { code: "uncertain" } });
  });

  test("that failed for certain may be begun again", async () => {
    const bench = createWorkBench();
    const { post, put, id, lease, next } = await held(bench);
    await post(`/${id}/effects/send`, { lease });
    expect(await put(`/${id}/effects/send`, { lease, failed: "refused" })).toMatchObject({ status: 200, body: { state: "failed" } });
    const job = await next();
    expect((await post(`/${id}/effects/send`, { lease: job.lease })).body).toMatchObject({ state: "new" });
  });

  test("that happened is recorded also when the lease is another's by now, and only by who began it", async () => {
    const bench = createWorkBench();
    const { post, put, id, lease, next } = await held(bench);
    await post(`/${id}/effects/send`, { lease });
    const job = await next();
    expect(await put(`/${id}/effects/send`, { lease: job.lease, result: 1 })).toMatchObject({ status: 409, body: { code: "lease-lost" } });
    expect(await put(`/${id}/effects/send`, { lease, result: 1 })).toMatchObject({ status: 200 });
    expect((await post(`/${id}/effects/send`, { lease: job.lease })).body).toEqual({ state: "done", result: 1 });
    expect(await put(`/${id}/effects/other`, { lease, result: 1 })).toMatchObject({ status: 409 });
  });

  test("is not done in a dry run", async () => {
    const bench = createWorkBench();
    const { post, put, id, lease, job } = await held(bench, { dryRun: true });
    for (let round = 0; round < 2; round++) expect((await post(`/${id}/effects/send`, { lease })).body).toEqual({ state: "done", result: null });
    expect((await put(`/${id}/effects/send`, { lease, result: 1 })).status).toBe(200);
    expect((await job(id))?.effects).toMatchObject([{ state: "would-do" }]);
  });

  test("of a replay has a key of its own", async () => {
    const bench = createWorkBench();
    const { post, put, id, lease, name, one } = await held(bench);
    await post(`/${id}/effects/send`, { lease });
    await put(`/${id}/effects/send`, { lease, failed: "no" });
    await post(`/${id}/settle`, { lease, outcome: { kind: "discard", reason: "no" } });
    const { retryNow } = await import("../../../src/queue/operate");
    await retryNow(bench.engine, [{ tenant: name, id }], { event: "replayed" });
    await bench.shelve();
    const job = await one();
    expect(job).toMatchObject({ id, attempt: 1 });
    const begun = await post(`/${id}/effects/send`, { lease: job.lease });
    expect(begun.body.idempotencyKey).toBe(`${job.idempotencyKey.replace(":", ":send:")}`);
  });

  test("with a wrong key, or a result that is too large, is refused", async () => {
    const bench = createWorkBench();
    const { post, put, id, lease } = await held(bench);
    expect((await post(`/${id}/effects/${"x".repeat(129)}`, { lease })).status).toBe(404);
    expect((await post(`/${id}/effects/a%20b`, { lease })).status).toBe(404);
    await post(`/${id}/effects/send`, { lease });
    expect((await put(`/${id}/effects/send`, { lease, result: "x".repeat(70_000) })).status).toBe(413);
    expect((await put(`/${id}/effects/send`, { lease })).status).toBe(422);
  });
});

describe("children", () => {
  test("are enqueued once, however often the run is repeated; types of our own are unknown", async () => {
    const bench = createWorkBench();
    const { post, id, lease, next, job: seen, jobs: all } = await held(bench);
    const jobs = [
      { type: "inner", payload: { n: 1 }, idempotencyKey: "one" },
      { type: "inner", payload: { n: 2 } },
      { type: "inner", payload: { n: "x" } },
      { type: "hidden", payload: {} },
      { type: "errand", payload: {}, delaySeconds: 60 },
    ];
    const first = await post(`/${id}/children`, { lease, jobs });
    expect(first).toMatchObject({ status: 202, body: { accepted: 3 } });
    expect(first.body.rejected.map(({ index, code }: { index: number; code: string }) => [index, code])).toEqual([
      [2, "invalid"],
      [3, "invalid"],
    ]);
    const [one, two] = first.body.ids;
    expect(new Set([one, two]).size).toBe(2);
    const job = await next();
    expect((await post(`/${id}/children`, { lease: job.lease, jobs })).body.ids).toEqual(first.body.ids);
    for (const child of first.body.ids.filter(Boolean)) expect(await seen(child)).toMatchObject({ parent: id });
    expect(await all()).toHaveLength(4);
    expect(await post(`/${id}/children`, { lease, jobs })).toMatchObject({ status: 409, body: { code: "lease-lost" } });
  });

  test("of a dry run are dry", async () => {
    const bench = createWorkBench();
    const { post, id, lease, jobs } = await held(bench, { dryRun: true });
    await post(`/${id}/children`, { lease, jobs: [{ type: "inner", payload: { n: 1 } }] });
    expect((await jobs()).filter((each) => each.id !== id)).toMatchObject([{ type: "inner", dryRun: true }]);
  });
});
