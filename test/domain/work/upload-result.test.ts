import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { app } from "../../../src/app";
import { createQueries } from "../../../src/ledger/queries";
import { defaultRetention, retain } from "../../../src/ledger/retention";
import { createWorkBench, type WorkBench } from "../../support/work-bench";

const seconds = (count: number) => count * 1000;
const day = 24 * 3600_000;
const big = { made: 1, text: "x".repeat(200_000) };

/** A job in a worker's hands, and how its result is uploaded. */
async function held(bench: WorkBench) {
  const tenant = await bench.tenant();
  const [id = ""] = await tenant.offer();
  const { lease } = await tenant.one();
  const address = async (by: string = lease) => {
    const { body } = await tenant.post(`/${id}/result-upload`, { lease: by });
    const { pathname, search } = new URL(body.resultUrl);
    return pathname + search;
  };
  const put = (path: string, body: unknown) => bench.call("PUT", path, { body });
  const settle = (outcome: unknown, by: string = lease) => tenant.post(`/${id}/settle`, { lease: by, outcome });
  return { ...tenant, id, lease, address, put, settle };
}

const objectsOf = async (tenant: string, id: string) => (await env.PAYLOADS.list({ prefix: `${tenant}/${id}/` })).objects.map(({ key }) => key);

test("a result too large for the settlement is uploaded, settled with by its id, and shown", async () => {
  const bench = createWorkBench();
  const { id, name, lease, post, put, address, settle } = await held(bench);
  expect(await settle({ kind: "done", result: big })).toMatchObject({ status: 413, body: { detail: expect.stringContaining("result-upload") } });
  const offered = await post(`/${id}/result-upload`, { lease });
  expect(offered).toMatchObject({ status: 200, body: { resultUrl: expect.stringMatching(/^https:\/\/jobs\.example\.com\/v1\/work\//), maxBytes: 1_048_576 } });
  const path = await address();
  const first = await put(path, big);
  expect(first).toMatchObject({ status: 200, body: { resultId: expect.stringMatching(/^[0-9a-f]{32}$/) } });
  expect((await put(path, big)).body).toEqual(first.body);
  const outcome = { kind: "done", resultId: first.body.resultId };
  const settled = await settle(outcome);
  expect(settled).toMatchObject({ status: 200, body: { state: "done" } });
  expect((await settle(outcome)).body).toEqual(settled.body);
  const job = await createQueries(env.DB).job(name, id);
  expect(job?.result).toBeNull();
  expect(await (await env.PAYLOADS.get(job?.resultRef ?? ""))?.json()).toEqual(big);
  // The address is good no longer.
  expect((await put(path, big)).status).toBe(401);
});

test("another result takes the place of the first; an id that was not uploaded under this lease is refused, and the lease still stands", async () => {
  const bench = createWorkBench();
  const { id, name, put, address, settle } = await held(bench);
  const path = await address();
  const first = await put(path, big);
  const second = await put(path, { made: 2 });
  expect(await objectsOf(name, id)).toHaveLength(1);
  for (const resultId of [first.body.resultId, "f".repeat(32), "%", "x"]) {
    expect(await settle({ kind: "done", resultId })).toMatchObject({ status: 422, body: { errors: [{ path: "outcome.resultId" }] } });
  }
  expect((await settle({ kind: "done", result: { made: 1 }, resultId: second.body.resultId })).status).toBe(422);
  expect((await settle({ kind: "done", resultId: second.body.resultId })).status).toBe(200);
});

test("what is uploaded must fit its type, be JSON, and have at most 1 MB", async () => {
  const bench = createWorkBench();
  const { put, address, id, name } = await held(bench);
  const path = await address();
  expect(await put(path, { made: "one" })).toMatchObject({ status: 422, body: { code: "invalid", errors: [{ path: "result.made" }] } });
  expect((await put(path, { made: 1, text: "x".repeat(1_048_576) })).status).toBe(413);
  const raw = (text: string) => bench.call("PUT", path, { body: text });
  expect((await raw("{not json")).status).toBe(400);
  expect(await objectsOf(name, id)).toEqual([]);
});

test("an address is good for its job, its lease and as long as the lease", async () => {
  const bench = createWorkBench();
  const { put, address, lease, id, post, one } = await held(bench);
  const other = await held(bench);
  expect(await post(`/${id}/result-upload`, { lease: other.lease })).toMatchObject({ status: 409, body: { code: "lease-lost" } });
  expect((await other.post(`/${id}/result-upload`, { lease })).status).toBe(404);
  expect((await post(`/${id}/result-upload`, { lease: 7 })).status).toBe(422);
  const path = await address();
  const [, search = ""] = path.split("?");
  const [, foreign = ""] = (await other.address()).split("?");
  for (const wrong of ["", search.replace(/signature=.*/, "signature="), foreign, search.replace(/tenant=[^&]*/, `tenant=${other.name}`)]) {
    expect((await put(`/v1/work/${id}/result?${wrong}`, big)).status).toBe(401);
  }
  bench.advance(seconds(61));
  expect((await put(path, big)).status).toBe(401);
  const next = await one({ worker: "w2" });
  expect(next.id).toBe(id);
  expect((await put(path, big)).status).toBe(401);
});

test("a result uploaded under a lease that is lost settles nothing under the next, which puts its own in its place", async () => {
  const bench = createWorkBench();
  const { put, address, id, name, one, settle } = await held(bench);
  const { body } = await put(await address(), big);
  bench.advance(seconds(61));
  const next = await one({ worker: "w2" });
  expect((await settle({ kind: "done", resultId: body.resultId })).status).toBe(409);
  expect((await settle({ kind: "done", resultId: body.resultId }, next.lease)).status).toBe(422);
  const again = await put(await address(next.lease), { made: 2 });
  expect(await objectsOf(name, id)).toHaveLength(1);
  expect((await settle({ kind: "done", resultId: again.body.resultId }, next.lease)).status).toBe(200);
});

test("one that was stored while its lease was lost is removed again", async () => {
  const bench = createWorkBench();
  const { put, address, id, name } = await held(bench);
  const path = await address();
  const { attach } = bench.work.ledger;
  bench.work.ledger.attach = async (job, key) => attach(job, key, "another's");
  expect(await put(path, big)).toMatchObject({ status: 409, body: { code: "lease-lost" } });
  expect(await objectsOf(name, id)).toEqual([]);
});

test("many are settled at once by their ids; a job that is discarded after an upload shows no result", async () => {
  const bench = createWorkBench();
  const one = await held(bench);
  const two = await held(bench);
  for (const each of [one, two]) await each.put(await each.address(), big);
  const { body } = await one.put(await one.address(), big);
  const item = { id: one.id, lease: one.lease, outcome: { kind: "done", resultId: body.resultId } };
  expect((await one.post("/settle", { settlements: [item, { ...item, outcome: { kind: "done", resultId: 7 } }] })).body.results).toMatchObject([
    { ok: true, state: "done" },
    { ok: false, code: "invalid" },
  ]);
  await two.settle({ kind: "discard", reason: "no use" });
  expect(await createQueries(env.DB).job(two.name, two.id)).toMatchObject({ result: null, resultRef: null });
});

test("goes with its job when that is no longer kept, and with the person it names", async () => {
  const bench = createWorkBench();
  const kept = await held(bench);
  const erased = await held(bench);
  const secret = "ada@uploaded.example";
  for (const each of [kept, erased]) {
    const { body } = await each.put(await each.address(), { made: 1, text: secret });
    await each.settle({ kind: "done", resultId: body.resultId });
  }
  const { leads, tenants } = app(env as never).intake;
  await tenants.put(erased.name, { name: erased.name }, bench.now());
  expect(await leads.erase(erased.name, { email: secret })).toMatchObject({ jobs: 1, payloads: 1, complete: true });
  expect(await objectsOf(erased.name, erased.id)).toEqual([]);
  expect(await objectsOf(kept.name, kept.id)).toHaveLength(1);
  const removed: string[] = [];
  const daysOf = async (names: readonly string[]) => new Map(names.map((name) => [name, { ...defaultRetention }]));
  await retain({ db: env.DB, daysOf, removePayloads: async (keys) => void removed.push(...keys) }, bench.now() + 400 * day);
  expect(removed).toContainEqual(expect.stringMatching(new RegExp(`^${kept.name}/${kept.id}/result-`)));
});
