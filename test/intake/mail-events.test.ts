import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createMailEvents, createMailStores } from "../../src/app/mail-stores";
import { sign } from "../../src/standard-webhooks";
import { stubFetch } from "../providers/fetch-stub";
import { type IntakeBench, createIntakeBench, hashAddress, now } from "./fakes";
import { certificate, signedBySns } from "./sns-signer";

const bench: IntakeBench = createIntakeBench();
const mail = createMailStores(env.DB, { hashAddress });
const svix = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const arn = "arn:aws:sns:eu-central-1:123456789012:bounces";
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
const ses = { provider: "smtp", host: "email-smtp.eu-central-1.amazonaws.com", port: 587, webhookSecret: arn };

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
    for (const { status, body: said } of answers) expect([status, said.detail]).toEqual([401, answers[0]?.body.detail]);
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

describe("Amazon SES by SNS", () => {
  const url = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
  const notification = (message: unknown, changes: Record<string, string> = {}) => ({
    Type: "Notification",
    MessageId: `sns-${++count}`,
    TopicArn: arn,
    Message: typeof message === "string" ? message : JSON.stringify(message),
    Timestamp: new Date(now - 60_000).toISOString(),
    SigningCertURL: url,
    ...changes,
  });
  const bounce = {
    notificationType: "Bounce",
    bounce: {
      bounceType: "Permanent",
      bouncedRecipients: [{ emailAddress: "a@b.example", diagnosticCode: "smtp; 550 5.1.1" }, { emailAddress: "c@d.example" }],
    },
    mail: { messageId: "0100-ses", destination: ["a@b.example", "c@d.example", "e@f.example"], commonHeaders: { subject: "Your order 4711" } },
  };
  const post = async (tenant: string, message: Record<string, string>, version: "1" | "2" = "1") => {
    const seen = stubFetch(new Response(certificate));
    const answer = await bench.call("POST", `/v1/mail-events/${tenant}/ses`, {
      body: JSON.stringify(await signedBySns(message, version)),
      headers: { "content-type": "text/plain" },
    });
    return { answer, seen };
  };

  test.each(["1", "2"] as const)("a signed bounce of version %s suppresses each recipient that bounced", async (version) => {
    const tenant = await newTenant(ses);
    expect((await post(tenant, notification(bounce), version)).answer.status).toBe(200);
    expect(await reasonsOf(tenant, "a@b.example", "c@d.example", "e@f.example")).toEqual(["bounce", "bounce", null]);
    expect(JSON.stringify(await rowsOf(tenant))).not.toContain("@");
  });

  test("complaints suppress, deliveries and the test message do not", async () => {
    const tenant = await newTenant(ses);
    for (const message of [
      { eventType: "Complaint", complaint: { complainedRecipients: [{ emailAddress: "a@b.example" }] }, mail: {} },
      { notificationType: "Delivery", delivery: { recipients: ["e@f.example"] }, mail: {} },
      { notificationType: "Bounce", bounce: { bounceType: "Transient", bouncedRecipients: [{ emailAddress: "g@h.example" }] }, mail: {} },
      { notificationType: "Bounce", bounce: { bounceType: "Undetermined", bouncedRecipients: [{ emailAddress: "g@h.example" }] }, mail: {} },
      { eventType: "DeliveryDelay", deliveryDelay: { delayType: "MailboxFull", delayedRecipients: [{ emailAddress: "g@h.example" }] }, mail: {} },
      { eventType: "Reject", reject: { reason: "Bad content" }, mail: { destination: ["g@h.example"] } },
      ...["Send", "Open", "Click", "Subscription", "Rendering Failure"].map((eventType) => ({ eventType, mail: { destination: ["g@h.example"] } })),
      "Successfully validated SNS topic for Amazon SES event publishing.",
    ])
      expect((await post(tenant, notification(message))).answer.status).toBe(200);
    expect(await reasonsOf(tenant, "a@b.example", "e@f.example", "g@h.example")).toEqual(["complaint", null, null]);
  });

  test("a subscription is confirmed at an address of SNS alone", async () => {
    const tenant = await newTenant(ses);
    const confirmation = (SubscribeURL: string) => ({ ...notification("x"), Type: "SubscriptionConfirmation", Token: "t", SubscribeURL });
    const good = await post(tenant, confirmation("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"));
    expect(good.answer.status).toBe(200);
    expect(good.seen.map(({ url: called }) => called)).toContain("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t");
    for (const address of [
      "https://evil.example/",
      "http://sns.eu-central-1.amazonaws.com/",
      "https://sns.eu-central-1.amazonaws.com.evil.example/",
      "https://x@sns.eu.amazonaws.com/",
    ]) {
      const bad = await post(tenant, confirmation(address));
      expect([bad.answer.status, bad.seen.filter(({ url: called }) => called === address)]).toEqual([401, []]);
    }
  });

  test.each<[string, Record<string, string>]>([
    ["another topic", { TopicArn: "arn:aws:sns:eu-central-1:999999999999:mine" }],
    ["an old message", { Timestamp: new Date(now - 25 * 3_600_000).toISOString() }],
    ["a certificate from elsewhere", { SigningCertURL: "https://evil.example/SimpleNotificationService-0123456789abcdef.pem" }],
    ["a certificate in another bucket", { SigningCertURL: "https://sns.eu-central-1.amazonaws.com/mine.pem" }],
    ["a certificate without TLS", { SigningCertURL: "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem" }],
    [
      "a host that only looks like it",
      { SigningCertURL: "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem" },
    ],
    ["another type", { Type: "Other" }],
  ])("%s is refused", async (_what, changes) => {
    const tenant = await newTenant(ses);
    const { answer, seen } = await post(tenant, notification(bounce, changes));
    expect([answer.status, seen.filter(({ url: called }) => called !== url)]).toEqual([401, []]);
    expect(await rowsOf(tenant)).toEqual([]);
  });

  test("a message that was changed after it was signed is refused", async () => {
    const tenant = await newTenant(ses);
    stubFetch(new Response(certificate));
    const signed = { ...(await signedBySns(notification(bounce))), Message: JSON.stringify({ ...bounce, mail: {} }) };
    expect((await bench.call("POST", `/v1/mail-events/${tenant}/ses`, { body: JSON.stringify(signed) })).status).toBe(401);
  });

  test("without a secret nobody's topic is believed", async () => {
    const tenant = await newTenant({ ...ses, webhookSecret: undefined });
    expect((await post(tenant, notification(bounce))).answer.status).toBe(401);
  });
});

describe("Cloudflare, through the queue", () => {
  const event = (kind: string, changes: object = {}, at = now) => ({
    type: `cf.email.sending.message.${kind}`,
    payload: {
      eventId: `cf-${++count}`,
      messageId: "<cf-m-1@shop.example>",
      sender: "shop@shop.example",
      recipient: "a@b.example",
      subject: "Your order 4711",
      terminal: true,
      delivery: { status: "x", smtpResponse: "550 5.1.1 <a@b.example> unknown" },
      ...changes,
    },
    metadata: { accountId: "acc", eventSubscriptionId: "s", eventSchemaVersion: 1, eventTimestamp: new Date(at).toISOString() },
  });
  const door = createMailEvents(bench.deps as never, mail, () => now);
  const read = (...bodies: unknown[]) => door.readCloudflare(bodies.map((body, index) => ({ id: `q${index}`, body })));

  beforeAll(() => mail.sent.record("cf-tenant", [{ provider: "cloudflare", id: "cf-m-1@shop.example", job: "job-7", campaign: "spring" }], now));

  test.each<[string, object, string | null]>([
    ["bounced", { bounce: { type: "hard", classification: "x" } }, "bounce"],
    ["bounced", { bounce: { type: "soft" } }, null],
    ["complained", { complaint: { type: "abuse" } }, "complaint"],
    ["rejected", { rejection: { reason: "suppressed", party: "recipient" } }, "rejected"],
    ["rejected", { rejection: { reason: "suppressed", party: "sender" } }, null],
    ["failed", {}, null],
    ["deferred", {}, null],
    ["delivered", {}, null],
    ["opened", {}, null],
  ])("%s %j", async (kind, changes, reason) => {
    await mail.suppressions.remove("cf-tenant", "a@b.example");
    expect(await read(event(kind, changes))).toEqual([{ do: "ack" }]);
    expect(await reasonsOf("cf-tenant", "a@b.example")).toEqual([reason]);
  });

  test("is joined to the job and the campaign, and keeps neither address nor subject", async () => {
    const rows = await rowsOf("cf-tenant");
    expect(rows[0]).toMatchObject({ job: "job-7", campaign: "spring", open: 0, provider: "cloudflare" });
    expect(JSON.stringify(rows)).not.toMatch(/a@b\.example|4711/);
    expect(await mail.events.countsOf("cf-tenant", "spring")).toMatchObject({ bounced: 1, complained: 1, delivered: 1 });
    expect((await mail.events.ofJob("cf-tenant", "job-7")).length).toBe(rows.length);
  });

  test("one that comes before its mail was recorded comes again for an hour; one of nobody's mail is then dropped", async () => {
    const early = event("bounced", { messageId: "cf-early", bounce: { type: "hard" } });
    expect(await read(early)).toEqual([{ do: "redeliver", seconds: 60 }]);
    expect(await read(event("bounced", { messageId: "cf-never" }, now - 3_700_000))).toEqual([{ do: "ack" }]);
    expect(await read(event("bounced", { messageId: "cf-never" }, now + 3_700_000))).toEqual([{ do: "ack" }]);
    await mail.sent.record("cf-late", [{ provider: "cloudflare", id: "cf-early", job: "job-8" }], now);
    expect(await read(early)).toEqual([{ do: "ack" }]);
    expect(await reasonsOf("cf-late", "a@b.example")).toEqual(["bounce"]);
  });

  test("what is no such event is acknowledged and nothing of it kept", async () => {
    expect(await read(null, "text", {}, { type: "cf.email.sending.message.bounced" }, event("bounced", { recipient: 7 }))).toEqual(
      Array.from({ length: 5 }, () => ({ do: "ack" })),
    );
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
