import { describe, expect, test } from "vitest";
import { createWorkBench, pullBody } from "../../support/work-bench";

const seconds = (count: number) => count * 1000;

describe("a remote job", () => {
  test("waits on the shelf as queued, without a message and without a run", async () => {
    const bench = createWorkBench();
    const { offer, job, parked } = await bench.tenant();
    const [id = ""] = await offer();
    expect(bench.held).toEqual([]);
    expect(await job(id)).toMatchObject({ state: "queued", gate: "worker/chore", runs: 0, attempt: 0 });
    expect(await parked()).toBe(1);
    // The tick does not admit it, however often it runs.
    await bench.tick(seconds(3600));
    await bench.tick(seconds(24 * 3600));
    expect(bench.held).toEqual([]);
  });

  test("is handed out with all a worker needs, and done", async () => {
    const bench = createWorkBench();
    const { offer, pull, post, name, job: seen } = await bench.tenant();
    const [id = ""] = await offer(1, "chore", { name: "Anna" });
    const { status, body, headers } = await pull();
    expect(status).toBe(200);
    expect(headers.get("jobyard-protocol")).toBe("1");
    expect(body).toMatchObject({ pollAfterMs: 0, workerState: "run" });
    const [job] = body.jobs;
    expect(job).toMatchObject({
      id,
      type: "chore",
      version: 2,
      tenant: name,
      seq: 1,
      attempt: 1,
      maxAttempts: 3,
      leaseUntil: bench.now() + seconds(60),
      startBy: bench.now() + seconds(30),
      deadline: bench.now() + seconds(3600),
      payload: { name: "Anna" },
      cursor: null,
      progress: null,
      effects: {},
      idempotencyKey: `${id}:0`,
      dryRun: false,
      heartbeatSeconds: 20,
    });
    expect(job.lease).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(job.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(await seen(id)).toMatchObject({ state: "running", runs: 1 });
    const settled = await post(`/${id}/settle`, { lease: job.lease, outcome: { kind: "done", result: { made: 3 } } });
    expect(settled).toMatchObject({ status: 200, body: { state: "done", at: bench.now() } });
    expect(await seen(id)).toMatchObject({ state: "done", result: '{"made":3}', runs: 1, gate: null });
    await bench.settle();
    expect(await bench.all("SELECT * FROM leases WHERE id = ?", id)).toEqual([]);
    expect(bench.events).toContainEqual(expect.objectContaining({ event: "settled", id, outcome: "done", state: "done" }));
  });

  test("is on the shelf once, at its first place, when its key was sent again while the ledger was away", async () => {
    const bench = createWorkBench();
    const { name, pull, post, job, parked } = await bench.tenant();
    const ledger = { down: false };
    bench.faults.ledger = () => ledger.down;
    const request = { tenant: name, type: "chore", payload: {}, key: "once" };
    const [first] = await bench.accept([request]);
    const id = first?.ok ? first.id : "";
    bench.advance(seconds(2));
    const [second] = await bench.accept([{ tenant: name, type: "chore", payload: {} }]);
    bench.advance(seconds(3));
    ledger.down = true;
    expect(await bench.accept([request])).toMatchObject([{ ok: true, id }]);
    ledger.down = false;
    for (const message of [...bench.held]) await bench.deliver([message]);
    expect(bench.held).toEqual([]);
    expect(await parked()).toBe(2);
    const { body } = await pull({ max: 3 });
    expect(body.jobs.map((job: { id: string }) => job.id)).toEqual([id, second?.ok ? second.id : ""]);
    for (const { id: pulled, lease } of body.jobs) await post(`/${pulled}/settle`, { lease, outcome: { kind: "done", result: { made: 1 } } });
    expect(await job(id)).toMatchObject({ state: "done" });
    expect(await parked()).toBe(0);
  });

  test("is on the shelf again when its row was written late, and for a copy of its message it is once there", async () => {
    const bench = createWorkBench();
    const { name, pull } = await bench.tenant();
    const ledger = { down: true };
    bench.faults.ledger = () => ledger.down;
    const [receipt] = await bench.accept([{ tenant: name, type: "chore", payload: {} }]);
    expect(receipt?.ok).toBe(true);
    ledger.down = false;
    const [message] = bench.held;
    const copy = { ...message!, id: "copy", attempts: 0 };
    bench.held.push(copy);
    await bench.deliver([message!]);
    await bench.deliver([copy]);
    expect(bench.held).toEqual([]);
    expect((await pull({ max: 10 })).body.jobs).toHaveLength(1);
  });
});

test("200 workers pull one job: one gets it", async () => {
  const bench = createWorkBench();
  const { offer, token } = await bench.tenant();
  const [id] = await offer();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => bench.call("POST", "/v1/work/pull", { token, body: { ...pullBody(), worker: `w${index}` } })),
  );
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(answers.flatMap(({ body }) => body.jobs.map((job: { id: string }) => job.id))).toEqual([id]);
});

test("a pull that waits gets what comes meanwhile, and looks rarely", async () => {
  const bench = createWorkBench();
  const { offer, pull } = await bench.tenant();
  const { pause } = bench.work;
  bench.work.pause = async (milliseconds, signal) => {
    await pause(milliseconds, signal);
    if (bench.waits.length === 5) await offer();
  };
  const { body } = await pull({ waitSeconds: 25 });
  expect(body.jobs).toHaveLength(1);
  expect(bench.waits).toEqual([250, 500, 1000, 1000, 1000]);
  const empty = await pull({ waitSeconds: 3 });
  expect(empty.body).toMatchObject({ jobs: [], pollAfterMs: 0 });
});

describe("what is asked for", () => {
  test("types that are none, or not the token's, are refused", async () => {
    const bench = createWorkBench();
    const { pull, mint, offer } = await bench.tenant();
    const [id = ""] = await offer();
    for (const type of ["inner", "hidden", "nothing"]) expect(await pull({ types: [type] })).toMatchObject({ status: 422, body: { code: "invalid" } });
    const bound = await mint(["work"], ["errand"]);
    expect(await bench.call("POST", "/v1/work/pull", { token: bound, body: pullBody() })).toMatchObject({ status: 403, body: { code: "type-not-allowed" } });
    for (const type of ["inner", "nothing"]) {
      const foreign = await bench.call("POST", "/v1/work/pull", { token: bound, body: { ...pullBody(), types: [type] } });
      expect(foreign).toMatchObject({ status: 403, body: { code: "type-not-allowed" } });
    }
    expect((await bench.call("POST", "/v1/work/pull", { token: bound, body: { ...pullBody(), types: ["errand"] } })).status).toBe(200);
    const { body } = await pull();
    const settle = { lease: body.jobs[0].lease, outcome: { kind: "done" } };
    // To a token of other types the job is not there, even with its lease.
    expect((await bench.call("POST", `/v1/work/${id}/settle`, { token: bound, body: settle })).status).toBe(404);
    expect((await bench.call("POST", "/v1/work/pull", { token: await mint(["read"]), body: pullBody() })).status).toBe(403);
  });

  test.each([
    [{ worker: "" }, "worker"],
    [{ worker: "a b" }, "worker"],
    [{ pullId: "x" }, "pullId"],
    [{ types: [] }, "types"],
    [{ types: Array.from({ length: 21 }, (_, index) => `t${index}`) }, "types"],
    [{ max: 0 }, "max"],
    [{ max: 101 }, "max"],
    [{ max: 1.5 }, "max"],
    [{ waitSeconds: 26 }, "waitSeconds"],
    [{ leaseSeconds: 9 }, "leaseSeconds"],
    [{ versions: { chore: [0] } }, "versions.chore[0]"],
    [{ more: 1 }, "more"],
  ])("%j is invalid", async (change, path) => {
    const bench = createWorkBench();
    const { pull } = await bench.tenant();
    expect(await pull(change)).toMatchObject({ status: 422, body: { code: "invalid", errors: [expect.objectContaining({ path })] } });
  });

  test("the protocol's version is looked at before the body", async () => {
    const bench = createWorkBench();
    const { post } = await bench.tenant();
    const ask = (version: string) => post("/pull", { old: true }, { headers: { "jobyard-protocol": version } });
    expect(await ask("0")).toMatchObject({ status: 426, body: { code: "protocol-too-old" } });
    expect(await ask("2")).toMatchObject({ status: 422, body: { errors: [{ path: "Jobyard-Protocol" }] } });
    expect(await ask("one")).toMatchObject({ status: 422, body: { errors: [{ path: "Jobyard-Protocol" }] } });
    expect((await post("/pull", pullBody(), { headers: { "jobyard-protocol": "1" } })).status).toBe(200);
  });
});

test("a payload too large for the answer is loaded by an address that is good as long as the lease", async () => {
  const bench = createWorkBench();
  const { offer, one, post } = await bench.tenant();
  const text = "x".repeat(150_000);
  const [id = ""] = await offer(1, "chore", { text });
  const job = await one();
  expect(job.payload).toBeUndefined();
  const { pathname, search, origin } = new URL(job.payloadUrl);
  expect(origin).toBe("https://jobs.example.com");
  expect(await bench.call("GET", pathname + search, {})).toMatchObject({ status: 200, body: { text } });
  const forged = search.replace(/signature=./, (match) => (match.endsWith("A") ? "signature=B" : "signature=A"));
  for (const wrong of ["", "?tenant=nobody", forged, search.replace(job.tenant, "other")]) {
    expect((await bench.call("GET", pathname + wrong, {})).status).toBe(401);
  }
  await post(`/${id}/settle`, { lease: job.lease, outcome: { kind: "done" } });
  expect((await bench.call("GET", pathname + search, {})).status).toBe(401);
});
