import { setTimeout as passing } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { until } from "../../way/support/until.ts";
import { openBench, useQueues } from "../../redis/support/bench.ts";
import { mail } from "../../redis/support/importer.ts";
import { addFlow, libraries } from "../../redis/support/libraries.ts";

const bench = await openBench();
const open = useQueues(bench);

describe.each(libraries)("$title", (library) => {
  const queueOf = (prefix?: string) => open(library, "mail", prefix);

  test("jobs are taken while workers run: each by one of the two, none lost, schedules and flows left alone", async () => {
    const queue = queueOf();
    const ran: string[] = [];
    await queue.schedule("digest", { every: 300 }, mail(0));
    await queue.schedule("nightly", { pattern: "0 3 * * *" }, mail(0));
    if (library.hasFlows) await addFlow(library, bench.redis.port, "mail");
    const ids: string[] = [];
    for (let n = 0; n < 300; n++) {
      const kinds = [{}, { priority: 1 + (n % 5) }, { delay: 40 + n }, { jobId: `order-${n}` }, library.hasFlows ? { dedup: `d${n}` } : {}];
      ids.push(await queue.add(mail(n), kinds[n % kinds.length]));
    }
    await queue.work(async ({ id, name }) => {
      if (name === "welcome") ran.push(id);
      else if (name === "report") ran.push("scheduled");
      else ran.push(name);
      // Two are under way while the importer takes; then they compete.
      await until("some are taken", async () => bench.product.jobs.size > 50);
    }, 2);
    const { code } = await bench.run("take");
    expect(code).toBe(0);
    const taken = bench.product.ids();
    expect(taken.length).toBeGreaterThan(50);
    await until("the workers have run what was not taken", async () => new Set([...ran, ...taken]).size >= 300 + (library.hasFlows ? 4 : 1) || ran.length);
    expect([...ran.filter((id) => id !== "scheduled" && !id.startsWith("child") && id !== "parent"), ...taken].toSorted()).toEqual(ids.toSorted());
    if (library.hasFlows) expect(ran.filter((id) => id.startsWith("child") || id === "parent").toSorted()).toEqual(["child-1", "child-2", "parent"]);
    const before = ran.filter((id) => id === "scheduled").length;
    await until("the schedule goes on", async () => ran.filter((id) => id === "scheduled").length > before);
    expect(await bench.redis.client.keys("bull:mail:de:*")).toEqual([]);
    expect(await bench.redis.client.zrange("bull:mail:priority", 0, -1)).toEqual([]);
    expect(await bench.redis.client.zcard("bull:mail:jobyard:claimed")).toBe(0);
  });

  test("a rollback brings the lists and sets back as they were, and idle workers run the jobs", async () => {
    for (const paused of [true, false]) {
      await bench.reset();
      const queue = queueOf(paused ? "{a}" : "{b}");
      const prefix = paused ? "{a}" : "{b}";
      if (paused) await queue.pause();
      for (let n = 0; n < 60; n++) {
        const kinds = [{}, { priority: 1 + (n % 5) }, { delay: 3_600_000 + n }, { jobId: `order-${n}` }, library.hasFlows ? { dedup: `d${n}` } : { delay: 50 }];
        await queue.add(mail(n), kinds[n % kinds.length]);
      }
      const before = await bench.stands("mail", prefix);
      expect((await bench.run("take", ["--prefix", prefix])).code).toBe(0);
      expect((await bench.stands("mail", prefix))["wait"]).toEqual([]);
      expect(bench.product.ids()).toHaveLength(60);
      expect([...bench.product.jobs.values()].filter(({ runAt }) => runAt !== undefined).length).toBeGreaterThanOrEqual(12);
      // As an idle worker has left it.
      await bench.redis.client.del(`${prefix}:mail:marker`);
      const { code, report } = await bench.run("rollback", ["--prefix", prefix]);
      expect([code, report]).toEqual([0, expect.stringContaining("Put back: 60.")]);
      expect(await bench.stands("mail", prefix)).toEqual(before);
      expect(bench.product.ids()).toEqual([]);
      const wakes = library.hasFlows ? [...(paused ? [] : ["0"]), "1"] : [];
      expect(await bench.redis.client.zrange(`${prefix}:mail:marker`, 0, -1)).toEqual(wakes);
      if (paused) continue;
      await bench.run("take", ["--prefix", prefix]);
      const ran = new Set<string>();
      await queue.work(async ({ id }) => void ran.add(id));
      await passing(300);
      await bench.run("rollback", ["--prefix", prefix]);
      await until("the workers run what was put back", async () => ran.size === 48 || ran.size);
    }
  });

  test("what has run in the product is not put back", async () => {
    const queue = queueOf();
    await queue.pause();
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await queue.add(mail(n)));
    await bench.run("take");
    const jobs = [...bench.product.jobs.values()];
    Object.assign(jobs[0]!, { state: "done", runs: 1 });
    Object.assign(jobs[1]!, { state: "retrying", runs: 1 });
    Object.assign(jobs[2]!, { state: "cancelled" });
    const { report } = await bench.run("rollback");
    expect(report).toContain("Put back: 2.");
    expect(report).toContain("| cancelled in the product | 1 |");
    const standing = await bench.stands();
    expect([...standing["wait"]!, ...standing["paused"]!].toSorted()).toEqual(ids.slice(3).toSorted());
  });

  test("jobs of a dead worker are taken after its lock is gone at two looks", async () => {
    const queue = queueOf();
    const id = await queue.add(mail(1));
    // As a killed worker leaves it: active, without a lock.
    await bench.redis.client.lmove("bull:mail:wait", "bull:mail:active", "RIGHT", "LEFT");
    const locked = await queue.add(mail(2));
    await bench.redis.client.lmove("bull:mail:wait", "bull:mail:active", "RIGHT", "LEFT");
    await bench.redis.client.set(`bull:mail:${locked}:lock`, "token");
    const before: number[] = [];
    const { report } = await bench.run("take", [], { during: async () => void before.push(bench.product.jobs.size) });
    expect([bench.product.ids(), before]).toEqual([[id], [0]]);
    expect(bench.slept).toBeGreaterThan(29_000);
    expect(report).toContain("1 of them of dead workers");
    expect((await bench.stands())["active"]).toEqual([locked]);
    await bench.run("rollback");
    expect((await bench.stands())["active"]!.toSorted()).toEqual([id, locked].toSorted());
  });

  test("an active job that was started anew between the looks is not taken", async () => {
    const queue = queueOf();
    const id = await queue.add(mail(1));
    await bench.redis.client.lmove("bull:mail:wait", "bull:mail:active", "RIGHT", "LEFT");
    await bench.run("take", [], { during: async () => void (await bench.redis.client.hset(`bull:mail:${id}`, "processedOn", Date.now())) });
    expect([bench.product.jobs.size, (await bench.stands())["active"]]).toEqual([0, [id]]);
  });

  test("failed jobs are taken when that is asked for, as dead letters with their reason, and put back", async () => {
    const queue = queueOf();
    const id = await queue.add(mail(1));
    await queue.work(async () => {
      throw new Error("the provider refused it");
    });
    await until("it has failed", async () => (await bench.redis.client.zcard("bull:mail:failed")) === 1);
    await queue.close();
    const failed = await bench.redis.client.zrange("bull:mail:failed", 0, -1, "WITHSCORES");
    await bench.run("take");
    expect(bench.product.jobs.size).toBe(0);
    expect((await bench.run("take", ["--failed"])).code).toBe(0);
    expect([...bench.product.jobs.values()]).toMatchObject([
      { state: "discarded", failed: "imported-failed: the provider refused it", key: expect.stringContaining(`:${id}:`) },
    ]);
    expect(await bench.redis.client.zcard("bull:mail:failed")).toBe(0);
    await bench.run("rollback");
    expect(await bench.redis.client.zrange("bull:mail:failed", 0, -1, "WITHSCORES")).toEqual(failed);
  });

  test("only one tenant, or one name, is taken", async () => {
    const queue = queueOf();
    for (let n = 0; n < 20; n++) await queue.add(mail(n, n % 2 ? "acme" : "globex"), { name: n % 4 < 2 ? "welcome" : "goodbye" });
    await bench.run("take", ["--tenant", "globex", "--name", "welcome"]);
    expect([...bench.product.jobs.values()].map(({ tenant }) => tenant)).toEqual(Array(5).fill("globex"));
    expect((await bench.stands())["wait"]).toHaveLength(15);
    await bench.run("take", ["--tenant", "globex"]);
    expect((await bench.stands())["wait"]).toHaveLength(10);
    await bench.run("rollback", ["--name", "goodbye"]);
    expect((await bench.stands())["wait"]).toHaveLength(15);
  });
});

describe.each(libraries.filter(({ hasFlows }) => hasFlows))("flows of $title", (library) => {
  test("no member of a flow is taken: child, waiting parent, or parent whose children are done", async () => {
    const queue = open(library);
    await addFlow(library, bench.redis.port, "mail");
    const parent = await queue.add(mail(1));
    await bench.redis.client.hset(`bull:mail:${parent}:processed`, "bull:mail:child", "{}");
    const before = await bench.stands();
    const { report } = await bench.run("take");
    expect([bench.product.jobs.size, await bench.stands()]).toEqual([0, before]);
    expect(report).toContain("| parent or child of a flow: the old workers finish flows | 3 |");
  });
});
