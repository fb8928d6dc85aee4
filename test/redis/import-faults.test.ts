import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Failure } from "../../scripts/import-bull/failure.ts";
import { until } from "../way/support/until.ts";
import { Bench, mail, mailMap } from "./support/importer.ts";
import { type BullQueue, libraries } from "./support/libraries.ts";
import { rootToken, tenantToken } from "./support/product.ts";

let bench: Bench;
let queue: BullQueue;
const bullmq = libraries[1]!;

beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench?.close());
beforeEach(async () => {
  await bench.reset();
  queue = bullmq.open(bench.redis.port, "mail");
});
afterEach(() => queue.close());

const addMany = async (count: number, data: (n: number) => unknown = mail) => {
  const ids = [];
  for (let n = 0; n < count; n++) ids.push(await queue.add(data(n)));
  return ids;
};
const failureOf = (running: Promise<unknown>) => running.then(() => undefined).catch((cause: unknown) => cause as Failure);

describe("the product", () => {
  test("may lose answers and be away: every job is there once", async () => {
    const ids = await addMany(350);
    let asked = 0;
    bench.product.fault = ({ path }) => {
      if (path !== "/v1/jobs/batch") return undefined;
      const faults = [
        "drop-answer",
        { status: 503, headers: { "retry-after": "7" } },
        { status: 429, headers: { "retry-after": "20" } },
        "drop",
        undefined,
      ] as const;
      return faults[asked++ % faults.length];
    };
    expect((await bench.run("take")).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
    expect(bench.product.jobs.size).toBe(350);
    expect(bench.printed.join()).toContain("answered 429; asking again in 20 s");
  });

  test("may put off single jobs: they stay claimed and are sent again", async () => {
    const ids = await addMany(150);
    let refusals = 0;
    bench.product.refuse = () => (refusals++ % 3 < 2 && refusals < 400 ? { code: refusals % 2 ? "unavailable" : "too-many-requests" } : undefined);
    expect((await bench.run("take")).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
  });

  test("may take them one by one, for longer than it may be away", async () => {
    const ids = await addMany(30);
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
    const ids = await addMany(5);
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? { status: 503 } : undefined);
    const failure = await failureOf(bench.run("take"));
    expect([failure?.code, failure?.message]).toEqual([4, expect.stringContaining("Run the same command again")]);
    expect(await bench.redis.client.zcard("bull:mail:jobyard:claimed")).toBe(5);
    bench.product.fault = () => undefined;
    await bench.run("take");
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
  });

  test("may refuse jobs: they are kept with the reason, tried again with a mended map, and put back by a rollback", async () => {
    const ids = await addMany(4);
    bench.product.refuse = ({ payload }) =>
      (payload as { n?: number }).n === 2 ? { code: "invalid", errors: [{ path: "payload.n", message: "must not be 2" }] } : undefined;
    const { code, report } = await bench.run("take");
    expect([code, report]).toEqual([1, expect.stringContaining("| invalid: payload.n: must not be 2 | 1 |")]);
    expect(bench.product.jobs.size).toBe(3);
    const failure = await failureOf(bench.run("finish"));
    expect(failure?.message).toContain("1 jobs of the queue mail were taken and refused");
    const mended = [{ ...mailMap[0], payload: { fields: { to: { path: "data.to" } } } }];
    expect((await bench.run("take", ["--map", bench.mapFile(mended)])).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
    bench.product.reset();
    bench.product.refuse = () => ({ code: "invalid" });
    const [last] = [await queue.add(mail(9))];
    await bench.run("take");
    await bench.run("rollback");
    expect((await bench.stands())["wait"]).toEqual([last]);
  });

  test("may refuse a whole request: the job that caused it is found, and the others are accepted", async () => {
    const ids = await addMany(130);
    bench.product.fault = ({ body }) => {
      const jobs = (body as { jobs?: { payload: { n: number } }[] } | undefined)?.jobs ?? [];
      return jobs.some(({ payload }) => payload.n === 77) ? { status: 400, body: { code: "malformed", detail: "too deep" } } : undefined;
    };
    const { code, report } = await bench.run("take");
    expect([code, report]).toEqual([1, expect.stringContaining("| malformed: too deep | 1 |")]);
    expect(bench.product.ids().toSorted()).toEqual(ids.filter((id) => id !== ids[77]).toSorted());
  });

  test("that has a job under another payload has it: neither sent again nor put back without a person", async () => {
    const [id] = await addMany(1);
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
    const [id] = await addMany(1);
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? "drop-answer" : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = () => undefined;
    bench.slept += 25 * 3_600_000;
    const { code, report } = await bench.run("take");
    expect([code, report]).toEqual([1, expect.stringContaining("stale: claimed more than 24 hours ago")]);
    expect(bench.product.ids()).toEqual([id]);
  });

  test("gets the bytes that were claimed, whatever becomes of data and map meanwhile", async () => {
    const [id] = await addMany(1);
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
  const [id] = await addMany(1);
  bench.product.tenants.delete("acme");
  bench.product.fault = ({ path }) => {
    // The importer has read the job, and asks whether its tenant is there.
    if (path === "/v1/tenants/acme" && bench.product.tenants.add("acme")) void bench.redis.client.hset(`bull:mail:${id}`, "data", JSON.stringify(mail(2)));
    return undefined;
  };
  await bench.run("take");
  expect([...bench.product.jobs.values()].map(({ payload }) => payload)).toEqual([{ to: "user-2@example.com", n: 2 }]);
});

describe("a rollback of claimed jobs", () => {
  test("finds out whether the product has them, and what it has not begun goes back", async () => {
    const ids = await addMany(8);
    const before = await bench.stands();
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? "drop-answer" : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = () => undefined;
    Object.assign([...bench.product.jobs.values()][0]!, { state: "done", runs: 1 });
    const { report } = await bench.run("rollback");
    expect(report).toContain("Put back: 7.");
    expect((await bench.stands())["wait"]).toEqual(before["wait"]!.slice(0, -1));
    expect(bench.product.ids()).toEqual(ids.slice(0, 1));
  });

  test("that no product knows: none of them can start before it is cancelled", async () => {
    await addMany(3);
    const before = await bench.stands();
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? { status: 503 } : undefined);
    await failureOf(bench.run("take"));
    bench.product.fault = ({ body }) => {
      const jobs = (body as { jobs?: { runAt?: string }[] } | undefined)?.jobs ?? [];
      return jobs.some(({ runAt }) => runAt === undefined) ? { status: 500 } : undefined;
    };
    await bench.run("rollback");
    expect(await bench.stands()).toEqual(before);
    expect([...bench.product.jobs.values()].map(({ state }) => state)).toEqual(["cancelled", "cancelled", "cancelled"]);
    bench.product.fault = () => undefined;
    await bench.run("take");
    expect([...bench.product.jobs.values()].map(({ state, runAt }) => [state, runAt])).toEqual(Array(3).fill(["queued", undefined]));
  });

  test("that begin while they are cancelled run on in the product", async () => {
    await addMany(2);
    await bench.run("take");
    const [first] = bench.product.jobs.values();
    bench.product.fault = ({ path }) => {
      if (path.endsWith(`${first!.id}/cancel`)) Object.assign(first!, { state: "running", runs: 1 });
      return undefined;
    };
    const { report } = await bench.run("rollback", [], { during: async () => void Object.assign(first!, { state: "cancelled" }) });
    expect(report).toContain("| it had just begun | 1 |");
    expect(first!.state).toBe("queued");
    expect((await bench.stands())["wait"]).toHaveLength(1);
  });

  test("that was killed between cancelling and putting back goes on", async () => {
    const ids = await addMany(3);
    const before = await bench.stands();
    await bench.run("take");
    const [first] = bench.product.jobs.values();
    let dead = false;
    bench.product.fault = ({ path }) => (dead || (dead = path.endsWith("/cancel")) ? "drop-answer" : undefined);
    await failureOf(bench.run("rollback"));
    expect(bench.product.ids().length).toBeLessThan(3);
    bench.product.fault = () => undefined;
    await bench.run("rollback");
    expect(await bench.stands()).toEqual(before);
    expect([first!.state, ids]).toEqual(["cancelled", before["wait"]!.toReversed()]);
  });

  test("ends a command that takes at the same time", async () => {
    await addMany(3);
    const stop = new AbortController();
    let waits = 0;
    const following = failureOf(
      bench.run("follow", [], {
        signal: stop.signal,
        during: async () => {
          if (waits++ === 0) await bench.run("rollback");
          if (waits > 50) stop.abort();
        },
      }),
    );
    const failure = await following;
    expect([failure?.code, failure?.message]).toEqual([1, expect.stringContaining("A rollback of the queue mail")]);
    expect((await bench.stands())["wait"]).toHaveLength(3);
  });
});

describe("the token", () => {
  test("that is wrong is refused before anything is taken", async () => {
    await addMany(2);
    const failure = await failureOf(bench.run("take", ["--token", "wrong"]));
    expect([failure?.code, failure?.message]).toEqual([3, expect.stringContaining("not valid")]);
    expect((await bench.stands())["wait"]).toHaveLength(2);
  });

  test("of a tenant takes that tenant's jobs alone, and leaves what a root token has claimed", async () => {
    await addMany(6, (n) => mail(n, n % 2 ? "acme" : "globex"));
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? { status: 503 } : undefined);
    await failureOf(bench.run("take", ["--tenant", "globex", "--token", rootToken]));
    bench.product.fault = () => undefined;
    await bench.run("take", ["--token", tenantToken("acme")]);
    expect([...bench.product.jobs.values()].map(({ tenant }) => tenant)).toEqual(["acme", "acme", "acme"]);
    expect(await bench.redis.client.zcard("bull:mail:jobyard:claimed")).toBe(3);
  });

  test("that is revoked midway ends the command; nothing is lost", async () => {
    const ids = await addMany(120);
    let batches = 0;
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" && batches++ > 0 ? { status: 401 } : undefined);
    expect((await failureOf(bench.run("take")))?.code).toBe(3);
    bench.product.fault = () => undefined;
    await bench.run("take");
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
  });
});

describe("what the product would refuse is not taken", () => {
  test.each<[string, unknown, Record<string, unknown>]>([
    ["no tenant in the data", { to: "a@example.com" }, {}],
    ["a tenant that the product does not have", mail(1, "nobody-home"), {}],
    ["a tenant that is no name", mail(1, "No Such Name"), {}],
    ["no recipient", { orgId: "acme" }, {}],
    ["a field that the type lacks", mail(1), { payload: { path: "data" } }],
    ["a recipient of another kind", { orgId: "acme", to: 5 }, {}],
    ["another version", mail(1), { version: 7 }],
    ["an unknown type", mail(1), { type: "publish-post" }],
    ["another name", mail(1), { name: "other" }],
  ])("%s", async (_, data, entry) => {
    const id = await queue.add(data);
    const { code } = await bench.run("take", ["--map", bench.mapFile([{ ...mailMap[0], ...entry }])]);
    expect([code, bench.product.jobs.size, (await bench.stands())["wait"]]).toEqual([1, 0, [id]]);
  });

  test("data that is no JSON, a hash that is gone, options that cannot be read", async () => {
    const ids = await addMany(4);
    await bench.redis.client.hset(`bull:mail:${ids[0]}`, "data", "{oops");
    await bench.redis.client.del(`bull:mail:${ids[1]}`);
    await bench.redis.client.hset(`bull:mail:${ids[2]}`, "opts", "[oops");
    const { code, report } = await bench.run("take");
    expect([code, bench.product.ids()]).toEqual([1, [ids[3]]]);
    expect(report).toContain("its data is no JSON");
    expect(report).toContain("its hash is gone");
    expect((await bench.stands())["wait"]!.toSorted()).toEqual(ids.slice(0, 3).toSorted());
  });

  test("but lengths and patterns are for the product to judge", async () => {
    await queue.add({ orgId: "acme", to: "a@example.com", subject: "longer than the schema says" });
    const map = [{ ...mailMap[0], payload: { fields: { to: { path: "data.to" }, subject: { path: "data.subject" } } } }];
    await bench.run("take", ["--map", bench.mapFile(map)]);
    expect(bench.product.jobs.size).toBe(1);
  });

  test("a group of BullMQ Pro and a deduplication id that is not accepted", async () => {
    const [grouped] = await addMany(1);
    await bench.redis.client.hset(`bull:mail:${grouped}`, "opts", JSON.stringify({ group: { id: 1 } }));
    const deduplicated = await queue.add(mail(1), { dedup: "once" });
    const { dedup: _, ...entry } = mailMap[0]!;
    const { code } = await bench.run("take", ["--map", bench.mapFile([entry])]);
    expect([code, bench.product.jobs.size]).toEqual([1, 0]);
    await bench.run("take");
    expect(bench.product.ids()).toEqual([deduplicated]);
    const again = await queue.add(mail(2), { dedup: "once" });
    expect(again).not.toBe(deduplicated);
  });
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
  const ids = await addMany(250);
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
