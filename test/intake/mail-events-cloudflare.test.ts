import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createMailEvents, createMailStores } from "../../src/app/mail-stores";
import { type IntakeBench, createIntakeBench, hashAddress } from "./bench";
import { now } from "./given";

const bench: IntakeBench = createIntakeBench();

const mail = createMailStores(env.DB, { hashAddress });

let count = 0;

const reasonsOf = (tenant: string, ...addresses: string[]) => mail.suppressions.reasons(tenant, addresses, true);

const rowsOf = async (tenant: string) =>
  (await env.DB.prepare("SELECT * FROM mail_events WHERE tenant = ? ORDER BY rowid").bind(tenant).all<Record<string, unknown>>()).results;

afterEach(() => vi.unstubAllGlobals());

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

  test("an event before its mail was recorded is delivered again for an hour; one without a mail is then dropped", async () => {
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
