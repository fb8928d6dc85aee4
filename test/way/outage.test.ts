import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { until, untilAllEnded, untilJob } from "./support/until.ts";

let way: Way;

const plain = (to: string, more: object = {}) => ({ type: "email", payload: { to, subject: "Hello", text: "Hello", ...more } });
const many = (count: number, at: string) => Array.from({ length: count }, (_, index) => plain(`n${index}@${at}.example`));
const mailsTo = (to: string) => way.sandbox.mails(`?to=${encodeURIComponent(to)}&limit=10000`);
const minutes = (count: number) => count * 60_000;
const post = (api: Api, body: unknown, key?: string): Promise<Answer> =>
  api.ask("POST", "/v1/jobs", { body, headers: key === undefined ? {} : { "idempotency-key": key } });

async function calm(): Promise<void> {
  await way.calm();
  await way.trouble({ longestDelay: 1 });
}

beforeAll(async () => {
  way = await startWay();
  await calm();
});
afterEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  await calm();
});
afterAll(() => way?.close());

describe("D1 is down", () => {
  test("jobs are accepted, run once it is back, and are in the ledger", async () => {
    const shop = await way.tenant("d1-down");
    // Past the minute for which the isolate caches the token's tenant: KV alone has it.
    await way.tick(minutes(2));
    await way.trouble({ db: "down" });
    const unkeyed = await post(shop, plain("unkeyed@d1.example"));
    const keyed = await post(shop, plain("keyed@d1.example"), "d1-key");
    const twice = await post(shop, plain("keyed@d1.example"), "d1-key");
    const other = await post(shop, plain("other@d1.example"), "d1-key");
    expect([unkeyed, keyed, twice, other].map(({ status, text }) => (status === 202 ? 202 : text))).toEqual([202, 202, 202, 202]);
    expect(twice.body.id).toBe(keyed.body.id);
    const batch = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs: many(250, "d1-batch") } });
    expect(batch).toMatchObject({ status: 202, body: { accepted: 250, rejected: [] } });

    expect(await way.api.get("/healthz")).toMatchObject({ status: 200, body: { status: "degraded", checks: { d1: "failing" } } });
    const blind = await shop.get(`/v1/jobs/${unkeyed.body.id}`);
    expect(blind).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(Number(blind.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await mailsTo("@d1.example")).toEqual([]);

    await calm();
    for (const { body } of [unkeyed, keyed]) expect(await untilJob(shop, body.id, "done")).toMatchObject({ attempt: 1 });
    await untilAllEnded(way, "d1-down", { jobs: 253 });
    // Of two payloads under one key one is the job's, the other a dead letter of its own.
    await until("there is a dead letter", async () => (await shop.get("/v1/dead-letters")).text.includes("which has another payload"));
    expect((await mailsTo("@d1.example")).map(({ to }) => to[0]).toSorted()).toEqual(["keyed@d1.example", "unkeyed@d1.example"]);
    expect(new Set((await mailsTo("@d1-batch.example")).map(({ to }) => to[0])).size).toBe(250);
  });

  test("a delay of half an hour is kept without the ledger", async () => {
    const shop = await way.tenant("d1-delay");
    await way.trouble({ db: "down", longestDelay: null });
    const { status, body } = await post(shop, { ...plain("later@d1-delay.example"), delaySeconds: 1800 });
    expect(status).toBe(202);
    await way.trouble({ db: "up", longestDelay: 1 });
    expect(await shop.job(body.id)).toMatchObject({ id: body.id, state: "queued" });
    expect(await way.rows("SELECT sent FROM jobs WHERE id = ? AND due IS NULL", body.id)).toEqual([]);
  });

  const steps: [name: string, sql: string][] = [
    ["accepting", "INSERT INTO jobs"],
    ["claiming", "state = 'running', lease = ?2"],
    ["recording an effect", "INSERT INTO effects"],
    ["settling", "ended = iif"],
  ];
  const tenantOf = (name: string) => name.replaceAll(/\W/g, "-");

  test.each(steps)("while %s: nothing is lost, nothing is done twice", async (name, dbOnly) => {
    const tenant = tenantOf(name);
    const shop = await way.tenant(tenant);
    for (const db of ["down", "unanswered"] as const) {
      await way.trouble({ db, dbOnly, met: 0 });
      const { status, body } = await post(shop, plain(`${db}@${tenant}.example`));
      expect(status).toBe(202);
      // Settling is tried four times before it is given up.
      await until("the trouble was met", async () => (await way.met()) > (name === "settling" ? 3 : 0));
      await calm();
      // What is still held under a lease comes back when the lease has ended.
      await until("it is free", async () => (await shop.job(body.id)).state === "done", 1).catch(() => way.tick(minutes(15)));
      expect(await untilJob(shop, body.id, "done")).toMatchObject({ effects: [{ key: "send", state: "done" }] });
    }
    await untilAllEnded(way, tenant, { jobs: 2 });
    expect(await mailsTo(`@${tenant}.example`)).toHaveLength(2);
  });

  test.each(steps)("one answer lost while %s: the job goes on at once", async (name, dbOnly) => {
    const tenant = `once-${tenantOf(name)}`;
    const shop = await way.tenant(tenant);
    await way.sandbox.fault({ provider: "mail", status: 500, times: 1 });
    await way.trouble({ db: "unanswered", dbOnly, times: 1, met: 0 });
    const { body } = await post(shop, plain(`once@${tenant}.example`));
    expect(await untilJob(shop, body.id, "done")).toMatchObject({ attempt: 2, runs: 2 });
    expect(await way.met()).toBe(1);
    expect(await mailsTo(`@${tenant}.example`)).toHaveLength(1);
  });
});

describe("the queue", () => {
  test("takes nothing: accepted, and the tick delivers", async () => {
    const shop = await way.tenant("no-queue");
    await way.trouble({ queue: "down" });
    const all = [await post(shop, plain("unkeyed@q.example")), await post(shop, plain("keyed@q.example"), "q-key")];
    expect(all.map(({ status }) => status)).toEqual([202, 202]);
    const batch = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs: many(120, "q") } });
    expect(batch.body).toMatchObject({ accepted: 120, rejected: [] });
    await way.tick();
    expect(await shop.job(all[0]!.body.id)).toMatchObject({ state: "queued" });
    await way.trouble({ queue: "up" });
    await way.tick(minutes(2));
    await untilAllEnded(way, "no-queue", { jobs: 122 });
    expect(await mailsTo("@q.example")).toHaveLength(122);
  });

  test.each([
    ["delivers twice", { twice: true }],
    ["loses its answer", { queue: "unanswered" as const }],
  ])("%s: mailed once", async (name, trouble) => {
    const tenant = name.replaceAll(" ", "-");
    const shop = await way.tenant(tenant);
    await way.trouble(trouble);
    const batch = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs: many(30, tenant) } });
    expect(batch.body).toMatchObject({ accepted: 30 });
    await way.tick(minutes(2));
    await untilAllEnded(way, tenant, { jobs: 30 });
    expect(await mailsTo(`@${tenant}.example`)).toHaveLength(30);
  });

  test("and D1 both down: 503 with Retry-After, and the same key is safe to send again", async () => {
    const shop = await way.tenant("both-down");
    await way.trouble({ queue: "down", db: "down" });
    for (const key of [undefined, "both-key"]) {
      const refused = await post(shop, plain("both@example.com"), key);
      expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    const batch = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs: [plain("both@example.com")] } });
    expect(batch.body).toMatchObject({ accepted: 0, ids: [null], rejected: [{ index: 0, code: "unavailable" }] });
    await calm();
    const { body, status } = await post(shop, plain("both@example.com"), "both-key");
    expect(status).toBe(202);
    await untilJob(shop, body.id, "done");
    expect(await mailsTo("both@example.com")).toHaveLength(1);
  });
});

describe("a mail provider", () => {
  test("refused each for now: 213 mails that wait for their next attempt are run now from the report's own remedy, and each is sent once", async () => {
    const shop = await way.tenant("run-now", { concurrency: 200, breaker: { failures: 1000 } });
    await way.trouble({ longestDelay: null });
    // A failure of each mail alone, with a time: none comes to its next attempt by itself within this test.
    const body = { name: "concurrent_idempotent_requests", message: "The key is in use." };
    await way.sandbox.fault({ provider: "mail", status: 409, headers: { "retry-after": "600" }, body });
    const batch = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs: many(213, "run-now") } });
    expect(batch.body).toMatchObject({ accepted: 213 });
    const states = () => way.rows("SELECT state, count(*) AS n FROM jobs WHERE tenant = 'run-now' GROUP BY state");
    await until("all are retrying", async () => {
      const seen = await states();
      return JSON.stringify(seen) === JSON.stringify([{ state: "retrying", n: 213 }]) || seen;
    });
    const { findings } = (await shop.get("/v1/report")).body;
    const finding = findings.find(({ code }: { code: string }) => code === "retrying");
    expect(finding).toMatchObject({ count: 213, type: "email" });
    const action = finding.actions.find(({ label }: { label: string }) => label === "Run now");
    expect(await mailsTo("@run-now.example")).toEqual([]);

    await way.sandbox.ask("DELETE", "/__faults");
    expect((await shop.ask(action.method, action.path, { body: { ...action.body, plan: true } })).body.total).toBe(213);
    const begun = await shop.ask(action.method, action.path, { body: action.body });
    expect(begun.status).toBe(202);
    await untilAllEnded(way, "run-now", { jobs: 213 });
    expect(await states()).toEqual([{ state: "done", n: 213 }]);
    await until("the action has ended", async () => {
      await way.tick();
      return (await shop.get(`/v1/bulk-actions/${begun.body.id}`)).body.state === "done";
    });
    const ended = (await shop.get(`/v1/bulk-actions/${begun.body.id}`)).body;
    expect(ended).toMatchObject({ total: 213, done: 213, failed: 0 });
    const mails = await mailsTo("@run-now.example");
    expect([mails.length, new Set(mails.map(({ to }) => to[0])).size]).toEqual([213, 213]);
    expect((await way.sandbox.effects()).repeated).toEqual({});
  });
});

describe("what stands beside", () => {
  test("KV down changes nothing while D1 is there; without both a caller gets 503, not 401", async () => {
    const shop = await way.tenant("no-kv");
    await way.tick(minutes(2));
    await way.trouble({ kv: "down" });
    expect((await shop.ask("PUT", "/v1/templates/while-kv-is-down", { body: { subject: "a", text: "b" } })).status).toBe(200);
    await untilJob(shop, await shop.enqueue("email", plain("kv@no-kv.example").payload), "done");
    const fresh = await way.tenant("made-without-kv");
    await untilJob(fresh, await fresh.enqueue("email", plain("fresh@no-kv.example").payload), "done");
    await way.trouble({ kv: "up" });
    await way.tick();

    await way.trouble({ kv: "down", db: "down" });
    const stranger = await way.api.forTenant("never-seen-here").ask("POST", "/v1/jobs", { body: plain("nobody@no-kv.example") });
    expect(stranger.status).toBe(503);
    expect(Number(stranger.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("R2 down: a payload over 96 KB is not accepted, one accepted before waits", async () => {
    const shop = await way.tenant("no-r2");
    const text = "x".repeat(97 * 1024);
    const stateOf = async (id: string) => (await way.rows<{ state: string }>("SELECT state, attempt, reason FROM jobs WHERE id = ?", id))[0];
    await way.trouble({ r2: "down" });
    const refused = await post(shop, plain("large@no-r2.example", { text }));
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await post(shop, plain("small@no-r2.example", { text: "x".repeat(95 * 1024) }))).status).toBe(202);
    await way.trouble({ r2: "up", queue: "down" });
    const { body } = await post(shop, plain("large@no-r2.example", { text }));
    await way.trouble({ r2: "down", queue: "up" });
    await way.tick(minutes(1));
    // It is tried each second, and runs for a moment then.
    let waiting: Awaited<ReturnType<typeof stateOf>>;
    await until("it waits", async () => (waiting = await stateOf(body.id))?.state === "waiting");
    expect(waiting).toEqual({ state: "waiting", attempt: 0, reason: "the payload store cannot be reached" });
    await way.trouble({ r2: "up" });
    await way.tick(minutes(1));
    expect(await untilJob(shop, body.id, "done")).toMatchObject({ attempt: 1 });
    expect((await mailsTo("@no-r2.example")).map((mail) => mail.text?.length).toSorted()).toEqual([95 * 1024, 97 * 1024]);
  });

  test("a gate that does not answer holds jobs back, and counts no attempt", async () => {
    const shop = await way.tenant("no-gate");
    await way.trouble({ gate: "down" });
    const { body } = await post(shop, plain("gate@no-gate.example"));
    expect(await untilJob(shop, body.id, "waiting")).toMatchObject({ attempt: 0, waitingFor: "mail: unreachable" });
    await way.trouble({ gate: "up" });
    await way.tick(minutes(1));
    expect(await untilJob(shop, body.id, "done")).toMatchObject({ attempt: 1 });
  });
});
