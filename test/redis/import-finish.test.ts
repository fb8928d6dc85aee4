import { describe, expect, test } from "vitest";
import { until } from "../way/support/until.ts";
import { failureOf, openBench, useQueues } from "./support/bench.ts";
import { mail, mailMap } from "./support/importer.ts";
import { libraries } from "./support/libraries.ts";
import { tenantToken } from "./support/product.ts";

const bench = await openBench();
const open = useQueues(bench);

describe.each(libraries)("$title", (library) => {
  const queueOf = () => open(library);

  test("finish takes the rest, takes the schedules over, looks three times, and ends rollback and follow", async () => {
    const queue = queueOf();
    await queue.add(mail(1));
    await queue.schedule("digest", { pattern: "15 3 * * *", tz: "Europe/Berlin" }, mail(0));
    await queue.schedule("beat", { every: 300_000 }, mail(1));
    let late = 0;
    const { code, report } = await bench.run("finish", [], { during: async () => void (late++ === 0 && (await queue.add(mail(2)))) });
    expect([code, report]).toEqual([0, expect.stringContaining("stayed empty at three looks")]);
    expect(bench.product.jobs.size).toBe(2);
    expect(bench.slept).toBeGreaterThanOrEqual(60_000);
    expect([...bench.product.schedules].map(([name, { cron, zone }]) => [name.split("/")[0], cron, zone]).toSorted()).toEqual([
      ["acme", "*/5 * * * *", "UTC"],
      ["acme", "15 3 * * *", "Europe/Berlin"],
    ]);
    expect(await bench.stands()).toMatchObject({ wait: [], delayed: [], repeat: [] });
    expect(await bench.redis.client.keys("bull:mail:repeat:*")).toEqual([]);
    expect(await bench.run("rollback")).toMatchObject({ code: 1, report: expect.stringContaining("It was finished") });
    expect((await bench.run("follow")).code).toBe(0);
    expect(await bench.redis.client.exists("bull:mail:1")).toBe(1);
    expect((await bench.run("finish", ["--drop"])).report).toContain("the hashes of 2 jobs");
    expect(await bench.redis.client.exists("bull:mail:1")).toBe(0);
  });

  test("a schedule that a producer makes again is an error of follow", async () => {
    const queue = queueOf();
    await queue.schedule("digest", { pattern: "15 3 * * *" }, mail(0));
    await bench.run("finish");
    await bench.redis.client.del("bull:mail:jobyard:finished");
    await queue.schedule("digest", { pattern: "15 3 * * *" }, mail(0));
    const stop = new AbortController();
    const { code, report } = await bench.run("follow", [], { signal: stop.signal, during: async () => stop.abort() });
    expect([code, report]).toEqual([1, expect.stringMatching(/\*\*The schedule .*digest.* came back/)]);
  });

  test("follow takes what producers go on adding, until it is interrupted", async () => {
    const queue = queueOf();
    const stop = new AbortController();
    let added = 0;
    const during = async () => {
      if (added < 5) await queue.add(mail(added++));
      else stop.abort();
    };
    const { code } = await bench.run("follow", [], { signal: stop.signal, during });
    expect([code, bench.product.jobs.size]).toEqual([0, 5]);
  });
});

describe("finish refuses to end", () => {
  const queueOf = () => open(libraries[1]!);

  test("while something is left that it cannot take", async () => {
    const queue = queueOf();
    await queue.add(mail(1), { name: "other" });
    const { code, report } = await bench.run("finish", ["--map", bench.mapFile([{ ...mailMap[0], name: "welcome" }]), "--wait-seconds", "60"]);
    expect([code, report]).toEqual([1, expect.stringContaining("**Not finished**: 1 wait.")]);
    expect(await bench.redis.client.exists("bull:mail:jobyard:finished")).toBe(0);
  });

  test("while a worker runs a job", async () => {
    const queue = queueOf();
    let release = () => {};
    const running = new Promise<void>((resolve) => (release = resolve));
    await queue.add(mail(1));
    await queue.work(() => running);
    await until("the worker has it", async () => (await bench.redis.client.llen("bull:mail:active")) === 1);
    const { code, report } = await bench.run("finish", ["--wait-seconds", "20"]);
    expect([code, report]).toEqual([1, expect.stringContaining("**Not finished**: 1 active.")]);
    release();
  });

  test("with a schedule that has no equal, or that the product has switched off; none is removed from Redis then", async () => {
    const queue = queueOf();
    await queue.schedule("odd", { every: 7000 }, mail(0));
    expect((await failureOf(bench.run("finish")))?.message).toContain("cannot be taken over");
    await queue.schedule("odd", { pattern: "1 1 * * *" }, mail(0));
    const map = bench.mapFile([{ ...mailMap[0], schedules: { odd: "fine" } }]);
    bench.product.schedules.set("acme/fine", { enabled: false });
    expect((await failureOf(bench.run("finish", ["--map", map])))?.message).toContain("switched off");
    expect((await bench.stands())["repeat"]).toHaveLength(2);
    bench.product.schedules.set("acme/fine", { enabled: true, cron: "2 2 * * *" });
    expect((await bench.run("finish", ["--map", map])).code).toBe(0);
    expect(bench.product.schedules.get("acme/fine")).toMatchObject({ cron: "2 2 * * *" });
  });

  test("with a token that may not make schedules", async () => {
    const queue = queueOf();
    await queue.schedule("digest", { pattern: "1 1 * * *" }, mail(0));
    bench.product.fault = ({ method, path }) =>
      method === "PUT" && path.startsWith("/v1/schedules") ? { status: 403, body: { detail: 'This needs the scope "admin".' } } : undefined;
    const failure = await failureOf(bench.run("finish", ["--token", tenantToken("acme")]));
    expect([failure?.code, failure?.message]).toEqual([3, expect.stringContaining("admin")]);
    expect((await bench.stands())["repeat"]).toHaveLength(2);
  });

  test("with jobs that the product may have, unless that is decided", async () => {
    const queue = queueOf();
    await queue.add(mail(1));
    bench.product.refuse = () => ({ code: "idempotency-mismatch" });
    await bench.run("take");
    expect((await failureOf(bench.run("finish")))?.message).toContain("--finish --uncertain");
    expect((await bench.run("finish", ["--uncertain"])).code).toBe(0);
  });
});
