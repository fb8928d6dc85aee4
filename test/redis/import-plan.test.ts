import { describe, expect, test } from "vitest";
import Bull from "bull";
import { Queue } from "bullmq5";
import { openBench, useQueues } from "./support/bench.ts";
import { mail, mailMap } from "./support/importer.ts";
import { addFlow, libraries } from "./support/libraries.ts";

const bench = await openBench();
const queueOf = useQueues(bench);

describe.each(libraries)("a plan of a queue of $title", (library) => {
  test("counts as Redis does, says what becomes of each name and what is left, and changes nothing", async () => {
    const queue = queueOf(library);
    for (let n = 0; n < 30; n++) await queue.add(mail(n, n % 3 ? "acme" : "globex"), n % 2 ? {} : { delay: 1000 + n, attempts: 3 });
    for (let n = 0; n < 5; n++) await queue.add(mail(n), { priority: 2, name: "unknown|name" });
    await queue.schedule("digest", { pattern: "15 3 * * *", tz: "Europe/Berlin" }, mail(0));
    if (library.hasFlows) await addFlow(library, bench.redis.port, "mail");
    await queue.add(mail(30), { attempts: 9 });
    const before = await bench.stands();
    const keys = (await bench.redis.client.keys("*")).toSorted();
    const { code, report } = await bench.run("plan", ["--map", bench.mapFile([{ ...mailMap[0], name: "welcome" }])]);
    expect(code).toBe(1);
    expect(report).toContain(library.title);
    expect(report).toContain("| `welcome` | 31 | 31 | email of acme (21), email of globex (10) |");
    expect(report).toContain("15 ask for 3 attempts, email has 5: they keep theirs");
    expect(report).toContain("1 ask for 9 attempts, email has 5: they get 5, fewer than they ask for");
    expect(report).toContain(String.raw`| \`unknown\|name\` | the map has no entry for its name | 5 |`.replaceAll("\\`", "`"));
    expect(report).toContain('"name": "unknown|name"');
    expect(report).toContain(`| wait | ${(library.hasFlows ? 2 : 5) + 16} |`);
    expect(report).toContain(`| delayed | ${15 + 1} |`);
    expect(report.includes("parent or child of a flow")).toBe(library.hasFlows);
    expect(await bench.stands()).toEqual(before);
    expect((await bench.redis.client.keys("*")).toSorted()).toEqual(keys);
  });

  test("prints each schedule as one of the product", async () => {
    const queue = queueOf(library);
    await queue.schedule("digest", { pattern: "0 15 3 * * *", tz: "Europe/Berlin" }, mail(0));
    await queue.schedule("beat", { every: 300_000 }, mail(1));
    await queue.schedule("odd", { every: 7000 }, mail(2));
    const { code, report } = await bench.run("plan", ["--map", bench.mapFile([{ ...mailMap[0], schedules: { digest: "daily-digest" } }])]);
    expect(code).toBe(1);
    expect(report).toContain("`PUT /v1/schedules/daily-digest`");
    expect(report.replaceAll(/\s+/g, "")).toContain(
      '{"type":"email","payload":{"to":"user-0@example.com","n":0},"cron":"153***","zone":"Europe/Berlin","misfire":"once","overlap":"allow"}',
    );
    expect(report).toContain('"cron": "*/5 * * * *"');
    expect(report).toMatch(/every 7000 ms: \*\*cannot be taken over\*\*: it runs every 7000 ms/);
  });
});

test("repeatable jobs of BullMQ 5 and bounds that stand only in the next run are read too", async () => {
  const connection = { port: bench.redis.port, host: "127.0.0.1" };
  const queue = new Queue("mail", { connection });
  await queue.add("welcome", mail(1), { repeat: { pattern: "0 4 * * *", tz: "Asia/Tokyo" } });
  await queue.add("limited", mail(2), { repeat: { every: 120_000, limit: 3 } });
  const bull = new Bull("old", { redis: connection });
  await bull.add("limited", mail(3), { repeat: { cron: "0 5 * * *", limit: 3 } });
  const { report } = await bench.run("plan", ["--map", bench.mapFile([mailMap[0], { ...mailMap[0], queue: "old" }])]);
  expect(report).toMatch(/- welcome, "0 4 \* \* \*" Asia\/Tokyo\. For acme, `PUT \/v1\/schedules\/mail-welcome-[0-9a-f]{8}`/);
  expect(report).toContain("- limited, every 120000 ms: **cannot be taken over**: it has limit");
  expect(report).toContain('- limited, "0 5 * * *": **cannot be taken over**: it has limit');
  await Promise.all([queue.close(), bull.close(true)]);
});

test("without a product or a map it says so, finds every queue, and prints the entries that are needed", async () => {
  await queueOf(libraries[0]!, "old:queue").add(mail(1));
  await queueOf(libraries[1]!, "mail")
    .add(mail(1), { jobId: "meta" })
    .catch(() => undefined);
  await queueOf(libraries[2]!, "reports", "shop").add(mail(1));
  const options = { "--plan": [], "--url": [bench.redis.url] };
  const { runImport } = await import("../../scripts/import-bull/command.ts");
  const { readOptions } = await import("../../scripts/import-bull/options.ts");
  const silent = { show: () => {}, print: () => {}, end: () => {} };
  const surroundings = { signal: new AbortController().signal, now: () => Date.now(), sleep: async () => true, progress: silent };
  const { code, report } = await runImport(readOptions(Object.entries(options).flat(2), {})!, surroundings);
  expect(code).toBe(1);
  expect(report).toContain("were not compared with the product");
  expect(report.match(/^## .*/gm)).toEqual(["## mail", "## old:queue"]);
  expect(report).toContain('"queue": "old:queue"');
});

test("without --take or --follow it only plans", async () => {
  await queueOf(libraries[1]!).add(mail(1));
  const { readOptions } = await import("../../scripts/import-bull/options.ts");
  expect(readOptions(bench.args("plan").slice(1), {})?.mode).toBe("plan");
  const { code, report } = await bench.run("plan", ["--map", bench.mapFile([mailMap[0], { ...mailMap[0], queue: "typo" }])]);
  expect([code, bench.product.jobs.size]).toEqual([0, 0]);
  expect(report).toContain("Not there, so no job was ever added: `typo`.");
  expect(report).toContain("All jobs that are not left to the old workers can be taken.");
});
