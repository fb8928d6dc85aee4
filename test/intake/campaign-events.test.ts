import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { createMailStores } from "../../src/app/mail-stores";
import { sign } from "../../src/standard-webhooks";
import { createIntakeBench, hashAddress, root, type Tokens, unsubscribeTokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
const tenant = "mailing-events";
const mail = createMailStores(env.DB, { hashAddress });
const svix = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
let own: Tokens;
let count = 0;

beforeAll(async () => {
  own = await bench.tenant(tenant);
  await bench.deps.connections.put(tenant, "mail", { provider: "resend", apiKey: "re_1", webhookSecret: svix }, now);
  await bench.call("PUT", "/v1/templates/news", { token: root, tenant, body: { subject: "News", text: "Hello" } });
});

/** A started campaign to one reader. */
async function started(): Promise<string> {
  const { body } = await bench.call("POST", "/v1/campaigns", { token: own.admin, body: { name: "News", templateId: "news" } });
  const headers = { "content-type": "text/csv" };
  await bench.call("PUT", `/v1/campaigns/${body.id}/recipients`, { token: own.admin, body: "email\nada@a.example\n", headers });
  expect((await bench.call("POST", `/v1/campaigns/${body.id}/start`, { token: own.admin })).status).toBe(200);
  return String(body.id);
}

async function deliver(type: string, mailId: string, address: string, more: object = {}): Promise<void> {
  const text = JSON.stringify({ type, data: { email_id: mailId, to: [address], ...more } });
  const signed = await sign(svix, `msg_${++count}`, text, now);
  const headers = Object.fromEntries(Object.entries(signed ?? {}).map(([name, value]) => [name.replace("webhook-", "svix-"), value]));
  expect((await bench.call("POST", `/v1/mail-events/${tenant}/resend`, { body: text, headers })).status).toBe(200);
}

const bounce = { bounce: { type: "Permanent", subType: "General", message: "550 unknown" } };
const sent = (campaign: string, ...ids: string[]) =>
  mail.sent.record(
    tenant,
    ids.map((id) => ({ provider: "resend", id, job: "page-1", campaign })),
    now,
  );
const report = async (id: string) => (await bench.call("GET", `/v1/campaigns/${id}`, { token: own.admin })).body;

test("what the provider and the link report of a campaign's mails is in its report, and in no other's", async () => {
  const [id, other] = [await started(), await started()];
  await sent(id, "m-1", "m-2", "m-3", "m-5");
  await sent(other, "m-4");
  expect(await report(id)).toMatchObject({ bounced: 0, complained: 0, unsubscribed: 0 });
  await deliver("email.bounced", "m-1", "ada@a.example", bounce);
  // A second message with the same event: a recipient counts once.
  await deliver("email.bounced", "m-1", "ada@a.example", bounce);
  await deliver("email.complained", "m-2", "bob@a.example");
  await deliver("email.delivered", "m-5", "eve@a.example");
  for (let twice = 0; twice < 2; twice++) {
    const path = `/u/${await unsubscribeTokens.make({ tenant, address: "cy@a.example", scope: "bulk", campaign: id })}`;
    expect((await bench.call("POST", path)).status).toBe(200);
  }
  expect(await report(id)).toMatchObject({ bounced: 1, complained: 1, unsubscribed: 1 });
  expect(await report(other)).toMatchObject({ bounced: 0, complained: 0, unsubscribed: 0 });
  const { body } = await bench.call("GET", "/v1/campaigns", { token: own.admin });
  const listed = (body.campaigns as { id: string }[]).find((each) => each.id === id);
  expect(listed).toMatchObject({ bounced: 1, complained: 1, unsubscribed: 1 });
});

test("an event that comes before its mail was recorded is counted once the tick has joined them", async () => {
  const id = await started();
  await deliver("email.bounced", "early-1", "dan@a.example", bounce);
  await sent(id, "early-1");
  expect(await report(id)).toMatchObject({ bounced: 0 });
  await mail.events.join(now + 1000);
  expect(await report(id)).toMatchObject({ bounced: 1 });
});
