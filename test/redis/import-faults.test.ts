import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { until } from "../way/support/until.ts";
import { addMany, failureOf, openBench, useQueues } from "./support/bench.ts";
import { mail, mailMap } from "./support/importer.ts";
import { type BullQueue, libraries } from "./support/libraries.ts";

const bench = await openBench();
const queueOf = useQueues(bench);
let queue: BullQueue;

beforeEach(() => {
  queue = queueOf(libraries[1]!);
});

describe("the product", () => {
  test("may lose answers and be away: every job is there once", async () => {
    const ids = await addMany(queue, 350);
    let calls = 0;
    bench.product.fault = ({ path }) => {
      if (path !== "/v1/jobs/batch") return undefined;
      const faults = [
        "drop-answer",
        { status: 503, headers: { "retry-after": "7" } },
        { status: 429, headers: { "retry-after": "20" } },
        "drop",
        undefined,
      ] as const;
      return faults[calls++ % faults.length];
    };
    expect((await bench.run("take")).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
    expect(bench.product.jobs.size).toBe(350);
    expect(bench.printed.join()).toContain("answered 429; asking again in 20 s");
  });

  test("may put off single jobs: they stay claimed and are sent again", async () => {
    const ids = await addMany(queue, 150);
    let refusals = 0;
    bench.product.refuse = () => (refusals++ % 3 < 2 && refusals < 400 ? { code: refusals % 2 ? "unavailable" : "too-many-requests" } : undefined);
    expect((await bench.run("take")).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
  });

  test("may take them one by one, for longer than it may be away", async () => {
    const ids = await addMany(queue, 30);
    let sent = 0;
    bench.product.refuse = () => (sent++ % 30 === 0 ? undefined : { code: "too-many-requests" });
    bench.product.fault = ({ path }) => {
      if (path === "/v1/jobs/batch") sent = 0;
      return undefined;
    };
    expect((await bench.run("take", [], { during: async () => void (bench.slept += 60_000) })).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
  });

  test("that stays away ends the command; the next one goes on", async () => {
    const ids = await addMany(queue, 5);
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? { status: 503 } : undefined);
    const failure = await failureOf(bench.run("take"));
    expect([failure?.code, failure?.message]).toEqual([4, expect.stringContaining("Run the same command again")]);
    expect(await bench.redis.client.zcard("bull:mail:jobyard:claimed")).toBe(5);
    bench.product.fault = () => undefined;
    await bench.run("take");
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
  });

  test("may refuse jobs: they are kept with the reason, tried again with a corrected map, and put back by a rollback", async () => {
    const ids = await addMany(queue, 4);
    bench.product.refuse = ({ payload }) =>
      (payload as { n?: number }).n === 2 ? { code: "invalid", errors: [{ path: "payload.n", message: "must not be 2" }] } : undefined;
    const { code, report } = await bench.run("take");
    expect([code, report]).toEqual([1, expect.stringContaining("| invalid: payload.n: must not be 2 | 1 |")]);
    expect(bench.product.jobs.size).toBe(3);
    const failure = await failureOf(bench.run("finish"));
    expect(failure?.message).toContain("1 jobs of the queue mail were taken and refused");
    const corrected = [{ ...mailMap[0], payload: { fields: { to: { path: "data.to" } } } }];
    expect((await bench.run("take", ["--map", bench.mapFile(corrected)])).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
    bench.product.reset();
    bench.product.refuse = () => ({ code: "invalid" });
    const [last] = [await queue.add(mail(9))];
    await bench.run("take");
    await bench.run("rollback");
    expect((await bench.stands())["wait"]).toEqual([last]);
  });

  test("may refuse a whole request: the job that caused it is found, and the others are accepted", async () => {
    const ids = await addMany(queue, 130);
    bench.product.fault = ({ body }) => {
      const jobs = (body as { jobs?: { payload: { n: number } }[] } | undefined)?.jobs ?? [];
      return jobs.some(({ payload }) => payload.n === 77) ? { status: 400, body: { code: "malformed", detail: "too deep" } } : undefined;
    };
    const { code, report } = await bench.run("take");
    expect([code, report]).toEqual([1, expect.stringContaining("| malformed: too deep | 1 |")]);
    expect(bench.product.ids().toSorted()).toEqual(ids.filter((id) => id !== ids[77]).toSorted());
  });

  test("that has a job under another payload has it: neither sent again nor put back without a person", async () => {
    const [id] = await addMany(queue, 1);
    bench.product.refuse = () => ({ code: "idempotency-mismatch" });
    expect((await bench.run("take")).code).toBe(1);
    bench.product.refuse = () => undefined;
    expect((await bench.run("take")).code).toBe(1);
    expect(bench.product.jobs.size).toBe(0);
    const { code, report } = await bench.run("rollback");
    expect([code, report]).toEqual([1, expect.stringContaining("it is unknown whether the product has them")]);
    expect((await bench.stands())["wait"]).toEqual([]);
    await bench.run("rollback", ["--uncertain"]);
    expect((await bench.stands())["wait"]).toEqual([id]);
  });

  test("is not asked again about jobs claimed more than a day ago", async () => {
    const [id] = await addMany(queue, 1);
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? "drop-answer" : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = () => undefined;
    bench.slept += 25 * 3_600_000;
    const { code, report } = await bench.run("take");
    expect([code, report]).toEqual([1, expect.stringContaining("stale: claimed more than 24 hours ago")]);
    expect(bench.product.ids()).toEqual([id]);
  });

  test("gets the bytes that were claimed, whatever becomes of data and map meanwhile", async () => {
    const [id] = await addMany(queue, 1);
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? "drop-answer" : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = () => undefined;
    await bench.redis.client.hset(`bull:mail:${id}`, "data", JSON.stringify(mail(99)));
    const other = bench.mapFile([{ ...mailMap[0], payload: { const: { to: "other@example.com" } } }]);
    expect((await bench.run("take", ["--map", other])).code).toBe(0);
    expect([...bench.product.jobs.values()].map(({ payload }) => payload)).toEqual([{ to: "user-0@example.com", n: 0 }]);
  });
});

test("a job whose data changes between the look and the claim is taken with its new data", async () => {
  const [id] = await addMany(queue, 1);
  bench.product.tenants.delete("acme");
  bench.product.fault = ({ path }) => {
    // The importer has read the job, and asks whether its tenant is there.
    if (path === "/v1/tenants/acme" && bench.product.tenants.add("acme")) void bench.redis.client.hset(`bull:mail:${id}`, "data", JSON.stringify(mail(2)));
    return undefined;
  };
  await bench.run("take");
  expect([...bench.product.jobs.values()].map(({ payload }) => payload)).toEqual([{ to: "user-2@example.com", n: 2 }]);
});

describe("keys", () => {
  test("of ids that are long or no ASCII are digests; a custom id that is used again is another job", async () => {
    const jobId = "bestellung-ü";
    await queue.add(mail(1), { jobId });
    await bench.run("take");
    const [first] = bench.product.jobs.values();
    const { timestamp } = await bench.redis.client.hgetall(`bull:mail:${jobId}`);
    expect(first!.key).toBe(`bull:sha256:${createHash("sha256").update(`bull:bull:mail:${jobId}:${timestamp}`).digest("hex")}`);
    await queue.add(mail(2), { jobId });
    await bench.run("take");
    expect(bench.product.jobs.size).toBe(1);
    await bench.redis.client.del(`bull:mail:${jobId}`);
    await until("another millisecond", async () => Date.now() > Number(timestamp));
    await queue.add(mail(2), { jobId });
    await bench.run("take");
    expect(bench.product.jobs.size).toBe(2);
  });
});

test("an interrupted command ends in order, and the next goes on", async () => {
  const ids = await addMany(queue, 250);
  const stop = new AbortController();
  bench.product.fault = ({ path }) => {
    if (path === "/v1/jobs/batch") stop.abort();
    return undefined;
  };
  await bench.run("take", [], { signal: stop.signal });
  expect(bench.product.jobs.size).toBe(100);
  await bench.run("take");
  expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
});
