import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createSentStore } from "../../../src/domain/mail-events/sent";

const sent = createSentStore(env.DB);

describe("which provider may have a mail", () => {
  test("is the first that was noted, until it is cleared; another tenant's key is another", async () => {
    expect(await sent.begin("at-1", "job:send:0", "resend", 1)).toEqual({ holder: "resend", again: false, at: 1 });
    expect(await sent.begin("at-1", "job:send:0", "postmark", 2)).toEqual({ holder: "resend", again: true, at: 1 });
    expect(await sent.begin("at-1", "job:send:0", "resend", 3)).toEqual({ holder: "resend", again: true, at: 1 });
    expect(await sent.begin("at-2", "job:send:0", "postmark", 4)).toEqual({ holder: "postmark", again: false, at: 4 });
    expect([await sent.holder("at-1", "job:send:0"), await sent.holder("at-3", "job:send:0")]).toEqual(["resend", undefined]);
    await sent.clear("at-1", "job:send:0");
    expect(await sent.begin("at-1", "job:send:0", "postmark", 5)).toEqual({ holder: "postmark", again: false, at: 5 });
  });

  test("two that begin at once learn of each other", async () => {
    const both = await Promise.all(["resend", "postmark"].map((provider) => sent.begin("at-3", "key", provider, 1)));
    expect(new Set(both.map(({ holder }) => holder)).size).toBe(1);
    expect(both.filter(({ again }) => !again)).toHaveLength(1);
  });
});

test("a mail is recorded under each of its ids, once", async () => {
  const mail = { provider: "cloudflare", id: "m-1@x.example", alias: "q-1", job: "j-1" };
  await sent.record("rec", [mail, mail], 1);
  await sent.record("rec", [mail], 2);
  expect(await sent.ofCloudflare("q-1")).toEqual({ tenant: "rec", job: "j-1", campaign: null });
  const { results } = await env.DB.prepare("SELECT message_id FROM mails WHERE tenant = 'rec'").all();
  expect(results).toHaveLength(2);
});
