import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createMailStores } from "../../src/app/mail-stores";
import { stubFetch } from "../providers/fetch-stub";
import { type IntakeBench, createIntakeBench, hashAddress } from "./bench";
import { now } from "./given";
import { certificate, signedBySns } from "./sns-signer";

const bench: IntakeBench = createIntakeBench();

const mail = createMailStores(env.DB, { hashAddress });

const arn = "arn:aws:sns:eu-central-1:123456789012:bounces";

let count = 0;

/** A tenant whose mail connection takes events. */
async function newTenant(connection: object): Promise<string> {
  const tenant = `ev-${++count}`;
  await bench.deps.tenants.put(tenant, { name: tenant }, now);
  await bench.deps.connections.put(tenant, "mail", connection, now);
  return tenant;
}

const ses = { provider: "smtp", host: "email-smtp.eu-central-1.amazonaws.com", port: 587, webhookSecret: arn };

const reasonsOf = (tenant: string, ...addresses: string[]) => mail.suppressions.reasons(tenant, addresses, true);

const rowsOf = async (tenant: string) =>
  (await env.DB.prepare("SELECT * FROM mail_events WHERE tenant = ? ORDER BY rowid").bind(tenant).all<Record<string, unknown>>()).results;

afterEach(() => vi.unstubAllGlobals());

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

  test("without a secret no topic is trusted", async () => {
    const tenant = await newTenant({ ...ses, webhookSecret: undefined });
    expect((await post(tenant, notification(bounce))).answer.status).toBe(401);
  });
});
