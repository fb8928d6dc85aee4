import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sign } from "../../src/standard-webhooks.ts";
import type { Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { until, untilJob } from "./support/until.ts";

let way: Way;
let shop: Api;

const plain = (to: string | string[]) => ({ to, subject: "Größe 😀", html: "<p>Hello</p>", text: "Hello" });
const mailsTo = (to: string) => way.sandbox.mails(`?to=${encodeURIComponent(to)}&limit=100`);
const connect = (connection: object) => shop.ask("PUT", "/v1/connections/mail", { body: { from: "Shop <shop@shop.example>", ...connection } });

const resend = () => ({ provider: "resend", baseUrl: `${way.sandbox.url}/mail`, apiKey: "re_way", webhookSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
const postmark = () => ({ provider: "postmark", baseUrl: `${way.sandbox.url}/postmark`, serverToken: "pm-way" });
const smtp = (username = "acme") => ({ provider: "smtp", host: "127.0.0.1", port: way.sandbox.smtpPort, username, password: "geheim", tls: "none" });

beforeAll(async () => {
  way = await startWay();
  shop = await way.tenant("providers");
});
beforeEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  await way.trouble({ longestDelay: 0 });
});
afterAll(() => way?.close());

test.each<[string, () => object]>([
  ["resend", resend],
  ["postmark", postmark],
  ["smtp", smtp],
  ["cloudflare", () => ({ provider: "cloudflare" })],
])("a mail goes out by %s", async (name, connection) => {
  expect((await connect(connection())).status).toBe(200);
  const job = await untilJob(shop, await shop.enqueue("email", plain(`Ada <ada@${name}.example>`)), "done");
  const [mail, ...others] = await mailsTo(`ada@${name}.example`);
  expect(others).toEqual([]);
  expect(mail).toMatchObject({ from: "Shop <shop@shop.example>", subject: "Größe 😀", html: expect.stringContaining("<p>Hello</p>") });
  expect(job.result.messageId).toEqual(expect.any(String));
  expect(await way.rows("SELECT provider, job FROM mails WHERE tenant = 'providers' AND job = ?", job.id)).toContainEqual({ provider: name, job: job.id });
  const page = await way.sandbox.ask("GET", `/__mailbox/${mail?.id}`);
  expect(page.text).toMatch(/<iframe[^>]*sandbox=""/);
  expect(page.text).toContain("As it was handed over");
});

test.each<[string, () => object, string, object]>([
  ["postmark", postmark, "inactive@x.example", { error: expect.stringContaining("406") }],
  ["smtp", smtp, "unknown@x.example", { error: expect.stringContaining("5.1.1") }],
  ["cloudflare", () => ({ provider: "cloudflare" }), "suppressed@x.example", { error: expect.stringContaining("E_RECIPIENT_SUPPRESSED") }],
])("%s refuses a recipient: a dead letter with its words, and no second try to that address", async (_name, connection, to, expected) => {
  await connect(connection());
  const job = await untilJob(shop, await shop.enqueue("email", plain(to)), "discarded");
  expect(job).toMatchObject(expected);
  expect(job.error).not.toContain(to);
  const next = await untilJob(shop, await shop.enqueue("email", plain(to)), "done");
  expect(next).toMatchObject({ runs: 1, result: { messageId: null, skipped: [{ reason: "rejected" }] }, effects: [] });
});

test("a bounce that Resend reports keeps the next mail back, with the reason", async () => {
  await connect(resend());
  const job = await untilJob(shop, await shop.enqueue("email", plain("bounces@x.example")), "done");
  const event = { type: "email.bounced", data: { email_id: job.result.messageId, to: ["bounces@x.example"], bounce: { type: "Permanent", message: "550" } } };
  const body = JSON.stringify(event);
  const signed = await sign(resend().webhookSecret, "msg_1", body, way.now());
  const headers = Object.fromEntries(Object.entries(signed ?? {}).map(([name, value]) => [name.replace("webhook-", "svix-"), value]));
  const posted = await fetch(`${way.url}/v1/mail-events/providers/resend`, { method: "POST", body, headers });
  expect(posted.status).toBe(200);
  const next = await untilJob(shop, await shop.enqueue("email", plain(["bounces@x.example", "fine@x.example"])), "done");
  expect(next.result).toMatchObject({ messageId: expect.any(String), skipped: [{ reason: "bounce" }] });
  expect((await mailsTo("bounces@x.example")).length).toBe(1);
  expect((await mailsTo("fine@x.example")).length).toBe(1);
  expect((await shop.job(job.id)).mailEvents).toMatchObject([{ event: "bounced", class: "hard", provider: "resend", detail: "550" }]);
  expect(await way.rows("SELECT job, open FROM mail_events WHERE tenant = 'providers' AND kind = 'bounced'")).toEqual([{ job: job.id, open: 0 }]);
});

test("bulk mail carries a link to unsubscribe, and one click is enough", async () => {
  await connect(resend());
  await untilJob(shop, await shop.enqueue("email", { ...plain("reader@x.example"), priority: "low" }), "done");
  const [mail] = await mailsTo("reader@x.example");
  expect(mail?.headers["List-Unsubscribe-Post"]).toBe("List-Unsubscribe=One-Click");
  const link = /^<https:\/\/jobs\.example\.com(\/u\/[\w-]+)>$/.exec(mail?.headers["List-Unsubscribe"] ?? "")?.[1];
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  expect((await fetch(`${way.url}${link}`)).status).toBe(200);
  expect((await untilJob(shop, await shop.enqueue("email", { ...plain("reader@x.example"), priority: "low" }), "done")).result.skipped).toBeUndefined();
  expect((await fetch(`${way.url}${link}`, { method: "POST", body: "List-Unsubscribe=One-Click", headers })).status).toBe(200);
  const bulk = await untilJob(shop, await shop.enqueue("email", { ...plain("reader@x.example"), priority: "low" }), "done");
  expect(bulk.result).toMatchObject({ messageId: null, skipped: [{ reason: "unsubscribe" }] });
  expect((await untilJob(shop, await shop.enqueue("email", plain("reader@x.example")), "done")).result.messageId).toEqual(expect.any(String));
});

test("an SMTP server that takes the mail and hangs up leaves it in doubt, and one mail goes out", async () => {
  await connect(smtp());
  await way.sandbox.fault({ provider: "smtp", reset: true, afterAccept: true, times: 1 });
  const job = await untilJob(shop, await shop.enqueue("email", plain("doubt@x.example")), "discarded");
  const mails = await mailsTo("doubt@x.example");
  expect([job.state, mails.length]).toEqual(["discarded", 1]);
});

test("one that has no time yet is asked again, and one mail goes out", async () => {
  await connect(smtp());
  await way.sandbox.fault({ provider: "smtp", status: 451, body: "4.7.1 Greylisted", times: 1 });
  const job = await untilJob(shop, await shop.enqueue("email", plain("later@x.example")), "done");
  expect([job.runs, (await mailsTo("later@x.example")).length]).toEqual([2, 1]);
});

test("a log-in that is refused pauses the connection; what comes after waits, and goes out once it is set right", async () => {
  await connect(smtp("bad-user"));
  const first = await untilJob(shop, await shop.enqueue("email", plain("first@x.example")), "discarded");
  expect(first.error).toContain("535");
  const second = await shop.enqueue("email", plain("second@x.example"));
  expect(await untilJob(shop, second, "waiting")).toMatchObject({ attempt: 0, waitingFor: expect.stringContaining("mail") });
  expect((await shop.get("/v1/connections/mail")).body.paused).toMatchObject({ smtp: { reason: expect.stringContaining("535") } });
  // The circuit is closed while the log-in is still refused: the mail is tried, and waits at the gate again.
  await shop.ask("POST", "/v1/gates/mail/reset");
  await way.tick(61_000);
  await until("the second mail was tried", async () => (await shop.get(`/v1/jobs/${second}`)).body.runs === 1);
  const tried = await untilJob(shop, second, "waiting");
  expect(tried).toMatchObject({ attempt: 0, why: { code: "circuit-open", actions: [{ label: "Probe now" }, { label: "Close the circuit" }] } });
  await connect(smtp());
  expect((await shop.get("/v1/connections/mail")).body).not.toHaveProperty("paused");
  await way.tick(61_000);
  await untilJob(shop, second, "done");
  expect((await mailsTo("second@x.example")).length).toBe(1);
});

test("a fallback takes what the first provider certainly did not, and never what it may have", async () => {
  await connect({ ...resend(), fallback: postmark() });
  await way.sandbox.fault({ provider: "mail", status: 429, times: 1 });
  await untilJob(shop, await shop.enqueue("email", plain("limited@x.example")), "done");
  expect((await way.sandbox.calls("?provider=postmark")).length).toBeGreaterThan(0);
  const before = (await way.sandbox.calls("?provider=postmark")).length;
  await way.sandbox.fault({ provider: "mail", reset: true, afterAccept: true, times: 1 });
  const job = await untilJob(shop, await shop.enqueue("email", plain("maybe@x.example")), "done");
  expect([job.runs, (await mailsTo("maybe@x.example")).length]).toEqual([2, 1]);
  expect((await way.sandbox.calls("?provider=postmark")).length).toBe(before);
  expect((await mailsTo("limited@x.example")).length).toBe(1);
});

test("a mail that a fallback may have is sent by no other once the connection is another: its job ends for an operator, who decides", async () => {
  // The next try is not before it is asked for.
  await way.trouble({ longestDelay: 600 });
  await connect({ ...resend(), fallback: postmark() });
  await way.sandbox.fault({ provider: "mail", status: 429, times: 1 });
  await way.sandbox.fault({ provider: "postmark", status: 502, headers: { "retry-after": "600" }, afterAccept: true, times: 1 });
  const id = await shop.enqueue("email", plain("left@x.example"));
  await untilJob(shop, id, "retrying");
  await connect(resend());
  expect((await shop.ask("POST", `/v1/jobs/${id}/run-now`)).status).toBe(202);
  const job = await untilJob(shop, id, "discarded");
  expect(job).toMatchObject({ error: expect.stringContaining("postmark may have this mail"), effects: [{ key: "send", state: "uncertain" }] });
  expect((await mailsTo("left@x.example")).length).toBe(1);
  expect((await shop.ask("POST", `/v1/jobs/${id}/effects`, { body: { key: "send", state: "failed" } })).status).toBe(200);
  await shop.ask("POST", `/v1/jobs/${id}/retry`);
  await untilJob(shop, id, "done");
  expect((await mailsTo("left@x.example")).length).toBe(2);
});
