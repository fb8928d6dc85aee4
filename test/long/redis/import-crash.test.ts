import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import type { Failure } from "../../../scripts/import-bull/failure.ts";
import { Bench, mail } from "../../redis/support/importer.ts";
import { libraries } from "../../redis/support/libraries.ts";

let bench: Bench | undefined;
afterEach(() => bench?.close());

const count = 350;

test.each<[string, Record<string, string>]>([
  ["with all of it on disk", { appendonly: "yes", appendfsync: "always" }],
  ["without what followed its snapshot", {}],
])("redis-server is killed in the middle of --take and comes back %s: a second run takes the rest, each job is there once", async (_name, settings) => {
  bench = await Bench.open(settings);
  const { redis, product } = bench;
  const queue = libraries[1]!.open(redis.port, "mail");
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await queue.add(mail(n), [{}, { priority: 2 }, { delay: 3_600_000 }][n % 3]));
  await queue.close();
  if (settings["appendonly"] === undefined) await redis.client.save();
  let killed: Promise<void> | undefined;
  product.fault = ({ path }) => {
    if (path === "/v1/jobs/batch" && product.jobs.size >= count / 3) killed ??= redis.kill();
    return undefined;
  };
  const failure = await bench.run("take").catch((cause: unknown) => cause as Failure);
  expect(failure).toMatchObject({ code: 4, message: expect.stringContaining("safe to run the same command again") });
  await killed;
  const before = product.jobs.size;
  expect([before >= count / 3, before < count]).toEqual([true, true]);

  await redis.restart();
  expect((await bench.run("take")).code).toBe(0);
  expect(product.ids().toSorted()).toEqual(ids.toSorted());
  expect(product.jobs.size).toBe(count);
  const { wait, prioritized, delayed } = await bench.stands();
  expect([wait, prioritized, delayed, await redis.client.zcard("bull:mail:jobyard:claimed")]).toEqual([[], [], [], 0]);
});

test("the importer is killed at random points, again and again: every job is in the product once, and none is left", async () => {
  bench = await Bench.open();
  const { product } = bench;
  const queue = libraries[2]!.open(bench.redis.port, "mail");
  const ids = [];
  for (let n = 0; n < 600; n++) ids.push(await queue.add(mail(n), n % 3 ? {} : { priority: 1 + (n % 4) }));
  let calls = 0;
  let kill = () => {};
  // Before, and after, the product has the jobs.
  product.fault = ({ path }) => {
    if (path !== "/v1/jobs/batch" || ++calls % 3 === 0) return undefined;
    kill();
    return calls % 3 === 1 ? "drop" : "drop-answer";
  };
  let kills = 0;
  for (let code: number | null = null; code !== 0;) {
    const child = bench.spawn("take");
    kill = () => {
      kills++;
      child.kill("SIGKILL");
    };
    [code] = (await once(child, "exit")) as [number | null];
    if (kills === 3) product.fault = () => undefined;
  }
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(product.jobs.size).toBe(600);
  expect(product.ids().toSorted()).toEqual(ids.toSorted());
  expect(await bench.stands()).toMatchObject({ wait: [], prioritized: [] });
  await queue.close();
});
