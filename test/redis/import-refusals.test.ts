import { beforeEach, describe, expect, test } from "vitest";
import { addMany, failureOf, openBench, useQueues } from "./support/bench.ts";
import { mail, mailMap } from "./support/importer.ts";
import { type BullQueue, libraries } from "./support/libraries.ts";
import { rootToken, tenantToken } from "./support/product.ts";

const bench = await openBench();
const queueOf = useQueues(bench);
let queue: BullQueue;

beforeEach(() => {
  queue = queueOf(libraries[1]!);
});

describe("the token", () => {
  test("that is wrong is refused before anything is taken", async () => {
    await addMany(queue, 2);
    const failure = await failureOf(bench.run("take", ["--token", "wrong"]));
    expect([failure?.code, failure?.message]).toEqual([3, expect.stringContaining("not valid")]);
    expect((await bench.stands())["wait"]).toHaveLength(2);
  });

  test("of a tenant takes that tenant's jobs alone, and leaves what a root token has claimed", async () => {
    await addMany(queue, 6, (n) => mail(n, n % 2 ? "acme" : "globex"));
    bench.product.fault = ({ path }) => (path === "/v1/jobs/batch" ? { status: 503 } : undefined);
    await failureOf(bench.run("take", ["--tenant", "globex", "--token", rootToken]));
    bench.product.fault = () => undefined;
    await bench.run("take", ["--token", tenantToken("acme")]);
    expect([...bench.product.jobs.values()].map(({ tenant }) => tenant)).toEqual(["acme", "acme", "acme"]);
    expect(await bench.redis.client.zcard("bull:mail:jobyard:claimed")).toBe(3);
  });

  test("that is revoked midway ends the command; nothing is lost", async () => {
    const ids = await addMany(queue, 120);
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
    const ids = await addMany(queue, 4);
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
    const [grouped] = await addMany(queue, 1);
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
