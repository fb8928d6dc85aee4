import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { until, untilAllEnded, untilJob } from "./support/until.ts";

let way: Way;
let shop: Api;

const template = { subject: "Welcome, {{ name }}", html: "<p>Hello {{ name }}</p>", text: "Hello {{ name }}" };
const plain = (to: string) => ({ to, subject: "Hello", text: "Hello" });
const mailsTo = (to: string) => way.sandbox.mails(`?to=${encodeURIComponent(to)}&limit=10000`);

beforeAll(async () => {
  way = await startWay();
  shop = await way.tenant("shop");
});
beforeEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  // The next try comes at once: how long one waits is a story of its own.
  await way.trouble({ longestDelay: 0 });
});
afterAll(() => way?.close());

test("an email goes from one POST to the mailbox", async () => {
  expect((await shop.ask("PUT", "/v1/templates/welcome", { body: template })).status).toBe(200);
  const payload = { to: "Ada Lovelace <ada@example.com>", templateId: "welcome", variables: { name: "Ada & Zoë 🚀" } };
  const posted = await shop.ask("POST", "/v1/jobs", { body: { type: "email", payload } });
  expect(posted).toMatchObject({ status: 202, body: { id: expect.any(String), type: "email", state: "queued" } });
  expect(posted.headers.get("location")).toBe(`/v1/jobs/${posted.body.id}`);

  const job = await untilJob(shop, posted.body.id, "done");
  const [mail, ...others] = await mailsTo("ada@example.com");
  expect(others).toEqual([]);
  expect(mail).toMatchObject({
    from: "shop <no-reply@shop.example>",
    to: ["Ada Lovelace <ada@example.com>"],
    subject: "Welcome, Ada & Zoë 🚀",
    html: "<p>Hello Ada &amp; Zoë 🚀</p>",
    text: "Hello Ada & Zoë 🚀",
    idempotencyKey: `${job.id}:send:0`,
  });
  expect(job).toMatchObject({ type: "email", attempt: 1, runs: 1, result: { messageId: mail?.id } });
  expect(job.effects).toMatchObject([{ key: "send", state: "done" }]);
  expect(job.timeline.map(({ event }: { event: string }) => event)).toEqual(["queued", "running", "done"]);
});

test("what cannot succeed is a dead letter at once, and goes out once its cause is removed", async () => {
  await shop.ask("PUT", "/v1/templates/not-ready-yet", { body: { subject: "Here", text: "Dear {{ firstName }}" } });
  const id = await shop.enqueue("email", { to: "late@example.com", templateId: "not-ready-yet" });
  const discarded = await untilJob(shop, id, "discarded");
  expect(discarded).toMatchObject({ attempt: 1, runs: 1, error: expect.stringContaining('"firstName" is not given') });
  const letters = await shop.get("/v1/dead-letters?q=firstName");
  expect(letters.body.deadLetters ?? letters.body).toMatchObject([{ id, type: "email", state: "discarded" }]);

  await shop.ask("PUT", "/v1/templates/not-ready-yet", { body: { subject: "Here", text: "Here" } });
  expect((await shop.ask("POST", `/v1/jobs/${id}/retry`)).status).toBe(202);
  await untilJob(shop, id, "done");
  expect(await mailsTo("late@example.com")).toHaveLength(1);
  expect((await shop.get("/v1/dead-letters?q=firstName")).text).not.toContain(id);
});

test("a tenant without a mail connection, and a key the provider refuses, are dead letters with their reason", async () => {
  const bare = way.api.forTenant("bare");
  await way.api.ask("PUT", "/v1/tenants/bare", { body: { name: "Bare" } });
  const id = await bare.enqueue("email", plain("nobody@example.com"));
  expect((await untilJob(bare, id, "discarded")).error).toContain('the connection "mail"');
  await bare.ask("PUT", "/v1/connections/mail", {
    body: { provider: "resend", baseUrl: `${way.sandbox.url}/mail`, apiKey: "bad_key_of_bare", from: "a@bare.example" },
  });
  const refused = await untilJob(bare, await bare.enqueue("email", plain("nobody@example.com")), "discarded");
  expect(refused.error).toContain("403");
  expect(JSON.stringify(refused)).not.toContain("bad_key_of_bare");
});

test("server errors that pass are retried, and one mail goes out", async () => {
  await way.sandbox.fault({ provider: "mail", status: 500, times: 2 });
  const id = await shop.enqueue("email", plain("patient@example.com"));
  const job = await untilJob(shop, id, "done");
  expect(job).toMatchObject({ attempt: 3, runs: 3 });
  expect(job.timeline.map(({ event }: { event: string }) => event)).toEqual(["queued", "running", "retry", "retry", "done"]);
  expect(await mailsTo("patient@example.com")).toHaveLength(1);
});

test.each([
  ["a connection that is reset after the mail was accepted", { reset: true, afterAccept: true, times: 1 }],
  ["a 502 that lies", { status: 502, afterAccept: true, times: 1 }],
  ["half an answer", { cutBody: true, times: 1 }],
  ["an answer that is no JSON", { malformed: true, times: 1 }],
  ["no answer at all", { timeoutAfterAccept: true, times: 1 }],
])("%s does not send it twice", async (name, fault) => {
  const to = `${name.replaceAll(" ", "-")}@example.com`;
  await way.sandbox.fault({ provider: "mail", ...fault });
  const job = await untilJob(shop, await shop.enqueue("email", plain(to)), "done");
  expect(await mailsTo(to)).toHaveLength(1);
  expect(job.runs).toBeLessThanOrEqual(2);
});

test("429 with Retry-After waits and counts no attempt", async () => {
  await way.calm();
  await way.sandbox.fault({ provider: "mail", status: 429, headers: { "retry-after": "1" }, times: 2 });
  const id = await shop.enqueue("email", plain("limited@example.com"));
  const job = await untilJob(shop, id, "done");
  expect(job).toMatchObject({ attempt: 1, runs: 3 });
  expect(job.timeline).toContainEqual(expect.objectContaining({ event: "waiting", detail: expect.stringContaining("429"), times: 2 }));
  const sent = (await way.sandbox.calls("?provider=mail"))
    .filter(({ headers }) => headers["idempotency-key"] === `${id}:send:0`)
    .map(({ at }) => Date.parse(String(at)));
  expect(sent).toHaveLength(3);
  expect(Math.min(sent[1]! - sent[0]!, sent[2]! - sent[1]!)).toBeGreaterThanOrEqual(900);
});

test("one key is one job, for ever: also at the same moment, never with another payload", async () => {
  const post = (to: string) => shop.ask("POST", "/v1/jobs", { body: { type: "email", payload: plain(to) }, headers: { "idempotency-key": "order-17" } });
  const all = await Promise.all(Array.from({ length: 20 }, () => post("key@example.com")));
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
  const id = String(all[0]?.body.id);
  await untilJob(shop, id, "done");
  const again = await post("key@example.com");
  expect(again.body).toEqual({ id, type: "email", state: "done" });
  expect(await post("other@example.com")).toMatchObject({ status: 422, body: { code: "idempotency-mismatch" } });
  expect(await mailsTo("key@example.com")).toHaveLength(1);
  expect(await mailsTo("other@example.com")).toHaveLength(0);
});

test("a hundred requests at once are a hundred mails", async () => {
  const ids = await Promise.all(Array.from({ length: 100 }, (_, index) => shop.enqueue("email", plain(`crowd-${index}@crowd.example`))));
  expect(new Set(ids).size).toBe(100);
  await until("not all have come", async () => (await mailsTo("@crowd.example")).length === 100 || (await mailsTo("@crowd.example")).length);
  await Promise.all(ids.map((id) => untilJob(shop, id, "done")));
});

test("a dry run says what it would do and does nothing", async () => {
  const id = await shop.enqueue("email", plain("dry@example.com"), { dryRun: true });
  const job = await untilJob(shop, id, "done");
  expect(job).toMatchObject({ dryRun: true, effects: [{ key: "send", state: "would-do" }] });
  expect(await mailsTo("dry@example.com")).toEqual([]);
});

test("cancel ends what waits at once, and what runs whether it listens or not", async () => {
  const delayed = await shop.enqueue("email", plain("cancelled@example.com"), { delaySeconds: 600 });
  expect(await shop.ask("POST", `/v1/jobs/${delayed}/cancel`)).toMatchObject({ status: 200, body: { state: "cancelled" } });
  expect((await shop.ask("POST", `/v1/jobs/${delayed}/cancel`)).status).toBe(409);

  const cancelled = ["hang", "deaf"].map(async (step) => {
    const id = await shop.enqueue("scripted", { steps: [{ do: "progress" }, { do: step }] });
    await untilJob(shop, id, "running");
    expect(await shop.ask("POST", `/v1/jobs/${id}/cancel`)).toMatchObject({ status: 200, body: { state: "running", cancelling: true } });
    // Its first run was ended: neither the timeout of a minute nor a second run came first.
    expect(await untilJob(shop, id, "cancelled")).toMatchObject({ runs: 1 });
  });
  await Promise.all(cancelled);
});

test("three hundred emails in one request, each mailed once though one answer in ten is lost", async () => {
  await way.calm();
  const bulk = await way.tenant("bulk", { concurrency: 200, breaker: { failures: 1000 } });
  await way.sandbox.fault({ provider: "mail", reset: true, afterAccept: true, rate: 0.1, times: 40 });
  const jobs = Array.from({ length: 300 }, (_, index) => ({
    type: "email",
    payload: { ...plain(`bulk-${index}@bulk.example`), priority: index % 2 === 0 ? "low" : "normal" },
    ...(index % 3 === 0 ? { idempotencyKey: `bulk-${index}` } : {}),
  }));
  const posted = await bulk.ask("POST", "/v1/jobs/batch", { body: { jobs } });
  expect(posted).toMatchObject({ status: 202, body: { accepted: 300, rejected: [] } });
  await untilAllEnded(way, "bulk", { jobs: 300 });
  const states = await way.rows(
    "SELECT state, count(*) AS n FROM jobs WHERE id IN (SELECT value FROM json_each(?)) GROUP BY state",
    JSON.stringify(posted.body.ids),
  );
  expect(states).toEqual([{ state: "done", n: 300 }]);
  const mails = await mailsTo("@bulk.example");
  expect(mails).toHaveLength(300);
  expect(new Set(mails.map(({ to }) => to[0])).size).toBe(300);
  expect((await way.sandbox.effects()).repeated).toEqual({});
  expect((await way.sandbox.faults())[0]?.hits).toBeGreaterThan(8);
});

test("runAt a year ahead is kept", async () => {
  const runAt = new Date(way.now() + 300 * 24 * 3_600_000).toISOString();
  const id = await shop.enqueue("email", plain("birthday@late.example"), { runAt });
  expect(await shop.job(id)).toMatchObject({ state: "queued", runAt });
});

test("a delay of 25 hours waits in the ledger, and a tick that comes twice sends one mail", async () => {
  const id = await shop.enqueue("email", plain("delayed@late.example"), { delaySeconds: 25 * 3600 });
  expect(await way.rows("SELECT state, sent FROM jobs WHERE id = ?", id)).toEqual([{ state: "queued", sent: null }]);
  await way.tick(24 * 3_600_000);
  expect(await shop.job(id)).toMatchObject({ state: "queued", runs: 0 });
  await way.tick(3_601_000);
  await Promise.all([way.tick(), way.tick()]);
  expect(await untilJob(shop, id, "done")).toMatchObject({ attempt: 1 });
  expect(await mailsTo("delayed@late.example")).toHaveLength(1);
});
