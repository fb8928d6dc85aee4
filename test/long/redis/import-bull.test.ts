import { once } from "node:events";
import { setTimeout as passing } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { seeded } from "../../../scripts/sandbox/faults.ts";
import { Importer } from "../../redis/support/importer.ts";
import { addFlow, type BullQueue, libraries } from "../../redis/support/libraries.ts";
import { type RedisServer, startRedis } from "../../redis/support/redis.ts";
import { seed } from "../../support/seed.ts";
import type { Api } from "../../way/support/api.ts";
import { secrets } from "../../way/support/config.ts";
import { startWay, type Way } from "../../way/support/harness.ts";
import { until, untilAllEnded } from "../../way/support/until.ts";

let way: Way;
let redis: RedisServer;
let open: BullQueue[] = [];

beforeAll(async () => {
  [way, redis] = await Promise.all([startWay(), startRedis()]);
});
afterAll(async () => {
  await way?.close();
  await redis?.close();
});
beforeEach(() => redis.client.flushall());
afterEach(async () => {
  await Promise.all(open.map((queue) => queue.close()));
  open = [];
});

const map = [
  {
    queue: "mail",
    name: "*",
    type: "email",
    tenant: { path: "data.orgId" },
    payload: { fields: { to: { path: "data.to" }, subject: { const: "Hello" }, text: { const: "Hello" } } },
    dedup: "accept",
  },
];

describe.each(libraries)("$title and the whole Worker", (library) => {
  const tenant = library.title.toLowerCase().replace(" ", "-");
  const mail = (n: number) => ({ orgId: tenant, to: `n${n}@${tenant}.example` });
  let api: Api;
  let importer: Importer;

  const openQueue = () => {
    const queue = library.open(redis.port, "mail");
    open.push(queue);
    return queue;
  };
  const received = async () =>
    (await way.sandbox.mails(`?to=${encodeURIComponent(`@${tenant}.example`)}&limit=10000`)).map(({ to }) => String(to[0])).toSorted();

  beforeAll(async () => {
    api = await way.tenant(tenant);
    importer = new Importer(redis.url, { url: way.url, token: secrets.ROOT_TOKEN }, map);
  });
  afterAll(() => importer?.remove());

  test("2,000 jobs of a living queue, the importer killed at random: each runs once, here or there", async () => {
    const queue = openQueue();
    const ran: string[] = [];
    if (library.hasFlows) for (let n = 0; n < 20; n++) await addFlow(library, redis.port, "mail");
    await queue.schedule("often", { every: 400 }, mail(-1));
    for (let n = 0; n < 2000; n++) {
      const kinds = [{}, { priority: 1 + (n % 5) }, { delay: 500 + n }, { jobId: `order-${n}` }, library.hasFlows ? { dedup: `d${n}` } : {}];
      await queue.add(mail(n), kinds[n % kinds.length]);
    }
    let flows = 0;
    let scheduled = 0;
    for (let workers = 0; workers < 2; workers++) {
      await queue.work(async ({ name, data }) => {
        if (name === "report") scheduled++;
        else if (name === "welcome") ran.push((data as { to: string }).to);
        else flows++;
        await passing(200);
      }, 10);
      if (!library.hasFlows) break;
    }
    let killed = 0;
    const random = seeded(seed);
    for (let code: number | null = null; code !== 0;) {
      const child = importer.spawn("take");
      const timer = setTimeout(() => child.kill("SIGKILL"), 700 + (killed > 0 ? random() * 4000 : 0));
      [code] = (await once(child, "exit")) as [number | null];
      clearTimeout(timer);
      if (code === null) killed++;
      else if (code !== 0) throw new Error(`the importer ended with ${code}: ${importer.errors}`);
      if (killed > 12) await importer.run("take");
    }
    expect(killed).toBeGreaterThan(0);
    const mailsOf = async () => (await untilAllEnded(way, tenant, { seconds: 600, later: 1000 }), received());
    await until("every job has run", async () => ran.length + (await mailsOf()).length >= 2000 || ran.length, 600, 2000);
    const mails = await mailsOf();
    expect([mails.length > 0, ran.length > 0]).toEqual([true, true]);
    expect([...ran, ...mails].toSorted()).toEqual(Array.from({ length: 2000 }, (_, n) => mail(n).to).toSorted());
    const before = scheduled;
    await until(
      "the schedule goes on, and the flows are complete",
      async () => (scheduled > before && flows === (library.hasFlows ? 60 : 0)) || { scheduled, flows },
    );
  });

  test("what is put back is cancelled here, and taken again it runs once", async () => {
    await expectOk(api.ask("POST", `/v1/tenants/${tenant}/pause`));
    const queue = openQueue();
    await queue.pause();
    for (let n = 5000; n < 5080; n++) await queue.add(mail(n), [{}, { priority: 2 }, { delay: 3_600_000 }][n % 3]);
    const before = await importer.standing(redis.client);
    await importer.run("take");
    const { report } = await importer.run("rollback");
    expect(report).toContain("Put back: 80.");
    expect(await importer.standing(redis.client)).toEqual(before);
    expect((await api.get("/v1/jobs?state=queued&limit=100")).body.jobs).toEqual([]);
    await importer.run("take");
    await expectOk(api.ask("POST", `/v1/tenants/${tenant}/resume`));
    await untilAllEnded(way, tenant, { seconds: 600, tickEvery: 500, later: 60_000 * 61 });
    const mails = await received();
    expect(mails.filter((to) => /^n50\d\d@/.test(to))).toEqual(Array.from({ length: 80 }, (_, n) => mail(5000 + n).to).toSorted());
  });

  test("a failed job is a dead letter here, and runs when it is retried", async () => {
    const queue = openQueue();
    await queue.add(mail(7000));
    await queue.work(() => Promise.reject(new Error("the provider refused it")));
    await until("it has failed", async () => (await redis.client.zcard("bull:mail:failed")) === 1);
    await importer.run("take", ["--failed"]);
    const { body } = await api.get("/v1/dead-letters?q=imported-failed");
    expect(body.deadLetters).toMatchObject([{ type: "email", state: "discarded", reason: "imported-failed: the provider refused it" }]);
    await expectOk(api.ask("POST", `/v1/jobs/${body.deadLetters[0].id}/retry`));
    await until("it has run", async () => (await received()).filter((to) => to.startsWith("n7000@")).length === 1);
  });

  test("schedules are taken over, and run here", async () => {
    const queue = openQueue();
    await queue.schedule("digest", { pattern: "15 3 * * *", tz: "Europe/Berlin" }, mail(9000));
    expect((await importer.run("finish")).code).toBe(0);
    const { body } = await api.get("/v1/schedules");
    expect(body.schedules).toMatchObject([{ type: "email", cron: "15 3 * * *", zone: "Europe/Berlin", enabled: true }]);
    expect(await redis.client.exists("bull:mail:repeat")).toBe(0);
  });
});

async function expectOk(pending: Promise<{ status: number; text: string }>): Promise<void> {
  const { status, text } = await pending;
  if (status >= 300) throw new Error(`answered ${status}: ${text}`);
}
