import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createMailStores } from "../../src/app/mail-stores";
import { sign } from "../../src/standard-webhooks";
import { type IntakeBench, createIntakeBench, hashAddress } from "./bench";
import { now } from "./given";

const bench: IntakeBench = createIntakeBench();

const mail = createMailStores(env.DB, { hashAddress });

const svix = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

let count = 0;

/** A tenant whose mail connection takes events. */
async function newTenant(connection: object): Promise<string> {
  const tenant = `ev-${++count}`;
  await bench.deps.tenants.put(tenant, { name: tenant }, now);
  await bench.deps.connections.put(tenant, "mail", connection, now);
  return tenant;
}

const resend = { provider: "resend", apiKey: "re_1", webhookSecret: svix };

const postmark = { provider: "postmark", serverToken: "pm", webhookSecret: "hook:geheim" };

async function fromResend(tenant: string, body: unknown, { id = `msg_${++count}`, secret = svix, at = now } = {}) {
  const text = JSON.stringify(body);
  const signed = await sign(secret, id, text, at);
  const headers = Object.fromEntries(Object.entries(signed ?? {}).map(([name, value]) => [name.replace("webhook-", "svix-"), value]));
  return bench.call("POST", `/v1/mail-events/${tenant}/resend`, { body: text, headers });
}

const bounced = (to: string[], type = "Permanent", message = "550 5.1.1 user unknown") => ({
  type: "email.bounced",
  data: { email_id: "m-1", to, subject: "Your order 4711", bounce: { type, subType: "General", message } },
});

const reasonsOf = (tenant: string, ...addresses: string[]) => mail.suppressions.reasons(tenant, addresses, true);

const rowsOf = async (tenant: string) =>
  (await env.DB.prepare("SELECT * FROM mail_events WHERE tenant = ? ORDER BY rowid").bind(tenant).all<Record<string, unknown>>()).results;

afterEach(() => vi.unstubAllGlobals());

describe("Resend", () => {
  test("a bounce that will stay suppresses the address; nothing of the mail is kept but the hash and the server's words, masked", async () => {
    const tenant = await newTenant(resend);
    expect((await fromResend(tenant, bounced(["Ada <Ada@example.com>"], "Permanent", "550 5.1.1 <ada@example.com>: user unknown"))).status).toBe(200);
    expect(await reasonsOf(tenant, "ada@example.com")).toEqual(["bounce"]);
    const [row] = await rowsOf(tenant);
    expect(row).toMatchObject({ kind: "bounced", class: "hard", message_id: "m-1", open: 1, job: null, detail: expect.stringContaining("550 5.1.1") });
    expect(JSON.stringify(row)).not.toMatch(/ada@example|4711/i);
  });

  test.each<[string, unknown, string | null]>([
    ["a bounce that may pass", bounced(["a@b.example"], "Transient"), null],
    ["an undetermined bounce", bounced(["a@b.example"], "Undetermined"), null],
    ["a complaint", { type: "email.complained", data: { to: ["a@b.example"] } }, "complaint"],
    ["a suppressed recipient", { type: "email.suppressed", data: { to: ["a@b.example"] } }, "rejected"],
    ["a failed mail", { type: "email.failed", data: { to: ["a@b.example"], failed: { reason: "reached_daily_quota" } } }, null],
    ["a delivery", { type: "email.delivered", data: { to: ["a@b.example"] } }, null],
    ["a mail that is on its way", { type: "email.sent", data: { to: ["a@b.example"] } }, null],
    ["a delay", { type: "email.delivery_delayed", data: { to: ["a@b.example"] } }, null],
    ["a mail that is planned", { type: "email.scheduled", data: { to: ["a@b.example"] } }, null],
    ["an opening", { type: "email.opened", data: { to: ["a@b.example"] } }, null],
    ["a click", { type: "email.clicked", data: { to: ["a@b.example"], click: { link: "https://x.example" } } }, null],
    ["a mail that came in", { type: "email.received", data: { from: "a@b.example", to: ["shop@example.com"] } }, null],
    ["an event of another shape", { type: "email.bounced", data: { to: { a: 1 }, bounce: [] } }, null],
    ["a list", [], null],
  ])("%s", async (_what, body, reason) => {
    const tenant = await newTenant(resend);
    expect((await fromResend(tenant, body)).status).toBe(200);
    expect(await reasonsOf(tenant, "a@b.example")).toEqual([reason]);
  });

  test("of several recipients those alone are suppressed that the bounce names", async () => {
    const tenant = await newTenant(resend);
    await fromResend(tenant, bounced(["a@b.example", "c@d.example"], "Permanent", "550 c@d.example unknown"));
    await fromResend(tenant, bounced(["e@f.example", "g@h.example"], "Permanent", "550 unknown"));
    expect(await reasonsOf(tenant, "a@b.example", "c@d.example", "e@f.example", "g@h.example")).toEqual([null, "bounce", null, null]);
  });

  test("of two addresses that are alike the one alone is suppressed that the bounce names", async () => {
    const tenant = await newTenant(resend);
    await fromResend(tenant, bounced(["ada@example.com", "dada@example.com", "ada@example.com.au"], "Permanent", "550 <dada@example.com> unknown"));
    expect(await reasonsOf(tenant, "ada@example.com", "dada@example.com", "ada@example.com.au")).toEqual([null, "bounce", null]);
  });

  test("an event is either recorded with its suppression or not at all", async () => {
    const tenant = await newTenant(resend);
    const id = `msg_${++count}`;
    await env.DB.exec(`CREATE TRIGGER no_suppressions BEFORE INSERT ON suppressions WHEN NEW.tenant = '${tenant}' BEGIN SELECT RAISE(ABORT, 'away'); END`);
    await env.DB.exec("CREATE TRIGGER no_removal BEFORE DELETE ON mail_events BEGIN SELECT RAISE(ABORT, 'away'); END");
    expect((await fromResend(tenant, bounced(["a@b.example"]), { id })).status).toBe(500);
    expect(await rowsOf(tenant)).toEqual([]);
    await env.DB.exec("DROP TRIGGER no_suppressions; DROP TRIGGER no_removal");
    expect((await fromResend(tenant, bounced(["a@b.example"]), { id })).status).toBe(200);
    expect(await reasonsOf(tenant, "a@b.example")).toEqual(["bounce"]);
  });

  test("an event that is delivered again does not bring back a suppression that was lifted", async () => {
    const tenant = await newTenant(resend);
    await fromResend(tenant, bounced(["a@b.example"]), { id: "msg_again" });
    await mail.suppressions.remove(tenant, "a@b.example");
    expect((await fromResend(tenant, bounced(["a@b.example"]), { id: "msg_again" })).status).toBe(200);
    expect(await reasonsOf(tenant, "a@b.example")).toEqual([null]);
    expect(await rowsOf(tenant)).toHaveLength(1);
  });

  test("what is not genuine is refused, always with the same words, and changes nothing", async () => {
    const tenant = await newTenant(resend);
    const bare = await newTenant({ provider: "resend", apiKey: "re_1" });
    const body = bounced(["a@b.example"]);
    const answers = [
      await fromResend(tenant, body, { secret: "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==" }),
      await fromResend(tenant, body, { at: now - 400_000 }),
      await fromResend(bare, body),
      await fromResend("nobody", body),
      await bench.call("POST", `/v1/mail-events/${tenant}/resend`, { body }),
      await bench.call("POST", `/v1/mail-events/${tenant}/postmark`, { body }),
      await bench.call("POST", `/v1/mail-events/${tenant}/constructor`, { body }),
    ];
    for (const { status, body: problem } of answers) expect([status, problem.detail]).toEqual([401, answers[0]?.body.detail]);
    expect(await reasonsOf(tenant, "a@b.example")).toEqual([null]);
  });
});

describe("Postmark", () => {
  const post = (tenant: string, body: unknown, headers: Record<string, string> = { authorization: `Basic ${btoa("hook:geheim")}` }, query = "") =>
    bench.call("POST", `/v1/mail-events/${tenant}/postmark${query}`, { body, headers });

  test.each<[object, string | null]>([
    [{ RecordType: "Bounce", Type: "HardBounce", ID: 1, MessageID: "m-1", Email: "a@b.example", Details: "smtp;550 5.1.1" }, "bounce"],
    [{ RecordType: "Bounce", Type: "BadEmailAddress", ID: 2, Email: "a@b.example" }, "bounce"],
    [{ RecordType: "Bounce", Type: "SoftBounce", ID: 3, Email: "a@b.example" }, null],
    [{ RecordType: "Bounce", Type: "Transient", ID: 4, Email: "a@b.example" }, null],
    [{ RecordType: "Bounce", Type: "ManuallyDeactivated", ID: 6, Email: "a@b.example" }, "bounce"],
    [{ RecordType: "Bounce", Type: "DnsError", ID: 7, Email: "a@b.example" }, null],
    [{ RecordType: "Bounce", Type: "Blocked", ID: 8, Email: "a@b.example" }, null],
    [{ RecordType: "Bounce", Type: "SpamNotification", ID: 9, Email: "a@b.example" }, null],
    [{ RecordType: "Bounce", Type: "SpamComplaint", ID: 10, Email: "a@b.example" }, "complaint"],
    [{ RecordType: "Bounce", Type: "Unsubscribe", ID: 11, Email: "a@b.example" }, "unsubscribe"],
    [{ RecordType: "SubscriptionChange", SuppressSending: true, SuppressionReason: "SpamComplaint", Recipient: "a@b.example" }, "complaint"],
    [{ RecordType: "SpamComplaint", ID: 5, Email: "a@b.example" }, "complaint"],
    [{ RecordType: "Delivery", MessageID: "m-1", Recipient: "a@b.example" }, null],
    [{ RecordType: "SubscriptionChange", SuppressSending: true, SuppressionReason: "ManualSuppression", Recipient: "a@b.example" }, "unsubscribe"],
    [{ RecordType: "SubscriptionChange", SuppressSending: true, SuppressionReason: "HardBounce", Recipient: "a@b.example" }, "bounce"],
    [{ RecordType: "SubscriptionChange", SuppressSending: false, SuppressionReason: null, Recipient: "a@b.example" }, null],
    [{ RecordType: "Open", Recipient: "a@b.example" }, null],
  ])("%j", async (body, reason) => {
    const tenant = await newTenant(postmark);
    expect((await post(tenant, body)).status).toBe(200);
    expect(await reasonsOf(tenant, "a@b.example")).toEqual([reason]);
    expect(JSON.stringify(await rowsOf(tenant))).not.toContain("@");
  });

  test("comes with the secret in the address or as the password, as a fallback's too", async () => {
    const tenant = await newTenant({ ...resend, fallback: postmark });
    const body = { RecordType: "SpamComplaint", ID: 5, Email: "a@b.example" };
    expect((await post(tenant, body, {}, "?token=hook:geheim")).status).toBe(200);
    expect((await post(tenant, body, { authorization: `Basic ${btoa("anyone:hook:geheim")}` })).status).toBe(200);
    const none: Record<string, string> = {};
    for (const wrong of [{ authorization: "Basic !" }, { authorization: `Basic ${btoa("hook:")}` }, none])
      expect((await post(tenant, body, wrong)).status).toBe(401);
    expect((await bench.call("POST", `/v1/mail-events/${tenant}/postmark?token=hook:geheim`, { body: "no json" })).status).toBe(400);
  });
});

describe("with time", () => {
  test("an event that came before its mail finds it within the hour, not later", async () => {
    const tenant = await newTenant(resend);
    await fromResend(tenant, { ...bounced(["a@b.example"]), data: { ...bounced(["a@b.example"]).data, email_id: "early-1" } });
    await fromResend(tenant, { ...bounced(["c@d.example"]), data: { ...bounced(["c@d.example"]).data, email_id: "early-2" } });
    await mail.sent.record(tenant, [{ provider: "resend", id: "early-1", job: "job-1", campaign: "c-1" }], now);
    expect(await mail.events.join(now + 60_000)).toBe(1);
    await mail.events.join(now + 3_700_000);
    await mail.sent.record(tenant, [{ provider: "resend", id: "early-2", job: "job-2" }], now);
    expect(await mail.events.join(now + 3_800_000)).toBe(0);
    expect(await rowsOf(tenant)).toMatchObject([
      { job: "job-1", campaign: "c-1", open: 0 },
      { job: null, open: 0 },
    ]);
  });

  test("the words go after 30 days, the event after 90, what was sent after 30", async () => {
    await env.DB.batch(["mail_events", "mails", "mail_attempts"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
    const tenant = await newTenant(resend);
    await fromResend(tenant, bounced(["a@b.example"]));
    await mail.sent.record(tenant, [{ provider: "resend", id: "old", job: "job-1" }], now);
    await mail.sent.begin(tenant, "key", "resend", now);
    const day = 24 * 3_600_000;
    const forget = async (days: number) => {
      await mail.events.forgetOld(now + days * day);
      await mail.sent.forgetOld(now + days * day);
      const counts = await env.DB.batch<{ n: number }>(["mails", "mail_attempts"].map((table) => env.DB.prepare(`SELECT COUNT(*) AS n FROM ${table}`)));
      return [(await rowsOf(tenant)).map(({ detail }) => detail !== null), ...counts.map(({ results }) => results[0]?.n)];
    };
    expect(await forget(7)).toEqual([[true], 1, 1]);
    expect(await forget(29)).toEqual([[true], 1, 0]);
    expect(await forget(31)).toEqual([[false], 0, 0]);
    expect(await forget(91)).toEqual([[], 0, 0]);
  });
});
