import { describe, expect, test } from "vitest";
import type { MailFailure, MailProvider } from "../../../src/providers/mail/mail";
import { createMail, pauseSeconds } from "../../../src/providers/mail/sender";
import { message, options, taken, refusal, world } from "./sender-world";

describe("one provider", () => {
  test("is asked once; what it took is recorded with its job", async () => {
    const { mail: made, records } = world({ resend: [taken] });
    expect(await made.send(message, options)).toEqual({ ok: true, value: { id: "m-1", provider: "resend" } });
    expect(records).toEqual([["sent", "resend m-1 job-1"]]);
  });

  test("a message with a fault is refused before any call", async () => {
    const { mail: made, sent } = world({ resend: [taken] });
    expect(await made.send({ ...message, headers: { "X-A": "a\nb" } }, options)).toMatchObject({ ok: false, failure: { class: "permanent" } });
    expect(sent).toEqual([]);
  });

  test("recipients that take no mail are suppressed, and the job gets their positions only", async () => {
    const refused = [
      { address: "ada@example.com", suppress: true },
      { address: "grace@example.org", suppress: false },
    ];
    const gone = world({ smtp: [refusal("permanent", { refused })] });
    expect(JSON.stringify(await gone.mail.send(message, options))).not.toContain("ada@");
    expect(gone.records).toEqual([["suppress", "ada@example.com"]]);
    const some = world({ smtp: [{ ok: true, value: { id: "m-1", refused } }] });
    const reply = await some.mail.send({ ...message, to: ["c@d.example", "Ada <ADA@example.com>", "grace@example.org"] }, options);
    expect(reply).toMatchObject({ ok: true, value: { refused: [1, 2] } });
  });

  test("a wrong setting pauses it: the mail that shows it ends, those that try again wait", async () => {
    const first = world({ resend: [refusal("config")] });
    expect(await first.mail.send(message, options)).toMatchObject({ ok: false, failure: { class: "config", gate: "mail" } });
    expect(first.records).toEqual([["pause", "resend", "config"]]);
    const again = world({ resend: [refusal("config")] }, { paused: ["resend"] });
    expect(await again.mail.send(message, options)).toMatchObject({
      failure: { class: "limited", retryAfter: pauseSeconds, reason: "the connection is paused: config", gate: "mail" },
    });
    const resumed = world({ resend: [taken] }, { paused: ["resend"] });
    await resumed.mail.send(message, options);
    expect(resumed.records[0]).toEqual(["unpause", "resend"]);
  });

  test("one for transactional mail gets no bulk mail", async () => {
    const { mail: made, sent } = world({ cloudflare: [taken] });
    expect(await made.send({ ...message, bulk: true }, options)).toMatchObject({ failure: { class: "permanent" } });
    expect(sent).toEqual([]);
  });
});

describe("a fallback", () => {
  test.each<MailFailure["class"]>(["transient", "limited", "config"])("takes the mail when the first certainly did not: %s", async (kind) => {
    const { mail: made, sent } = world({ resend: [refusal(kind)], postmark: [taken] });
    expect(await made.send(message, options)).toMatchObject({ ok: true, value: { provider: "postmark" } });
    expect(sent.map((each) => each.split(" ")[0])).toEqual(["resend", "postmark"]);
  });

  test.each<MailFailure["class"]>(["uncertain", "permanent"])("is not asked when the first answers %s", async (kind) => {
    const { mail: made, sent } = world({ resend: [refusal(kind)], postmark: [taken] });
    expect(await made.send(message, options)).toMatchObject({ failure: { class: kind } });
    expect(sent).toHaveLength(1);
  });

  test("takes the mail while the first one's circuit is open", async () => {
    const { mail: made, sent, closed } = world({ resend: [taken], postmark: [taken] });
    closed.add("resend");
    expect(await made.send(message, options)).toMatchObject({ ok: true, value: { provider: "postmark" } });
    expect(sent).toHaveLength(1);
    closed.add("postmark");
    expect(await made.send(message, { ...options, idempotencyKey: "job-2:send:0" })).toMatchObject({ failure: { class: "limited", retryAfter: 60 } });
  });

  test("never gets a mail that the first may have: not in a later run, not while its circuit is open", async () => {
    const { mail: made, sent, closed } = world({ resend: [refusal("uncertain"), taken], postmark: [taken] });
    await made.send(message, options);
    closed.add("resend");
    expect(await made.send(message, options)).toMatchObject({ failure: { class: "limited" } });
    closed.clear();
    expect(await made.send(message, options)).toMatchObject({ ok: true, value: { provider: "resend" } });
    expect(sent).toEqual(["resend job-1:send:0", "resend job-1:send:0"]);
  });

  test("without idempotency is not asked twice itself", async () => {
    const { mail: made, sent, closed } = world({ resend: [taken], postmark: [refusal("uncertain"), taken] });
    closed.add("resend");
    expect(await made.send(message, options)).toMatchObject({ failure: { class: "uncertain" } });
    closed.clear();
    expect(await made.send(message, options)).toMatchObject({ failure: { class: "permanent", reason: expect.stringContaining("uncertain") } });
    expect(sent).toEqual(["postmark job-1:send:0"]);
  });

  test("is not asked either while nothing can be noted, and the mail is tried again", async () => {
    const { mail: made, sent, switching } = world({ resend: [taken], postmark: [taken] });
    Object.assign(switching, { begin: async () => Promise.reject(new Error("D1_ERROR: unreachable")) });
    expect(await made.send(message, options)).toMatchObject({ ok: false, failure: { class: "transient" } });
    expect(sent).toEqual([]);
  });

  test("takes bulk mail that the first does not", async () => {
    const { mail: made, sent } = world({ cloudflare: [taken], smtp: [taken] });
    expect(await made.send({ ...message, bulk: true }, options)).toMatchObject({ ok: true, value: { provider: "smtp" } });
    expect(sent).toHaveLength(1);
  });

  test("takes away the batch call: each mail is an effect of its own", () => {
    expect(world({ resend: [taken], postmark: [taken] }).mail.sendBatch).toBeUndefined();
  });
});

test("a batch answers for each mail, those with a fault included, and records what was taken", async () => {
  const records: unknown[] = [];
  const suppressed: unknown[] = [];
  const refused = [
    { address: "gone@a.example", suppress: true },
    { address: "full@a.example", suppress: false },
  ];
  const provider: MailProvider = {
    name: "resend",
    idempotentFor: 1,
    takesBulk: true,
    send: async () => taken,
    sendBatch: async (messages) => ({
      ok: true,
      value: messages.map((_, index) => (index === 0 ? { ok: true, id: "m-1" } : { ok: false, failure: { class: "permanent", reason: "no", refused } })),
    }),
  };
  const none = async () => undefined;
  const made = createMail({
    routes: [{ provider, holder: "resend:1", paused: false }],
    records: { suppress: async (addresses) => void suppressed.push(addresses), pause: none, unpause: none, sent: async (mails) => void records.push(mails) },
    now: () => 0,
  });
  const reply = await made.sendBatch?.([{ ...message, to: [] }, message, message], options);
  expect(reply).toMatchObject({ ok: true, value: [{ ok: false }, { ok: true, id: "m-1" }, { ok: false, failure: { reason: "no" } }] });
  expect(records).toMatchObject([[{ provider: "resend", id: "m-1", about: { job: "job-1" } }]]);
  // A recipient that takes no mail is suppressed, and the reply to the job does not name it.
  expect(suppressed).toEqual([["gone@a.example"]]);
  expect(JSON.stringify(reply)).not.toContain("gone@");
});
