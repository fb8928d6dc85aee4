import { afterEach, expect, test } from "vitest";
import type { Failure } from "../../scripts/import-bull/failure.ts";
import { Bench, mail } from "./support/importer.ts";
import { libraries } from "./support/libraries.ts";

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
