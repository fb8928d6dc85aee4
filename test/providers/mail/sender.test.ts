import { describe, expect, test } from "vitest";
import type { MailFailure, MailMessage, MailProvider, MailProviderName, MailReply } from "../../../src/providers/mail/mail";
import { createMail, type MailRecords, pauseSeconds, type Switching } from "../../../src/providers/mail/sender";

const message: MailMessage = { from: "shop@example.com", to: ["ada@example.com"], subject: "s", text: "t" };
const options = { idempotencyKey: "job-1:send:0", signal: new AbortController().signal, about: { job: "job-1" } };
const taken: MailReply = { ok: true, value: { id: "m-1" } };
const refusal = (kind: MailFailure["class"], more: Partial<MailFailure> = {}): MailReply => ({ ok: false, failure: { class: kind, reason: kind, ...more } });

interface World {
  mail: ReturnType<typeof createMail>;
  sent: string[];
  /** What was handed to the providers. */
  messages: MailMessage[];
  records: [what: string, ...rest: unknown[]][];
  tried: Map<string, { holder: string; at: number }>;
  closed: Set<MailProviderName>;
  switching: Switching;
}

interface Setting {
  idempotent?: string[];
  paused?: string[];
  account?: string;
  /** What an earlier connection of the tenant noted. */
  before?: World;
  now?: number;
}

/** One or two providers that give these answers, one a call, the last one for ever. */
function world(
  answers: Partial<Record<MailProviderName, MailReply[]>>,
  { idempotent = ["resend"], paused = [], account = "1", before, now = 30_000 }: Setting = {},
): World {
  const sent: string[] = [];
  const messages: MailMessage[] = [];
  const records: World["records"] = [];
  const tried: World["tried"] = before?.tried ?? new Map();
  const closed: World["closed"] = new Set();
  const routes = Object.entries(answers).map(([name, replies]) => {
    const provider: MailProvider = {
      name: name as MailProviderName,
      idempotentFor: idempotent.includes(name) ? 86_400 : 0,
      takesBulk: name !== "cloudflare",
      send: async (message, { idempotencyKey }) => {
        sent.push(`${name} ${idempotencyKey}`);
        messages.push(message);
        return (replies.length > 1 ? replies.shift() : replies[0]) ?? taken;
      },
    };
    return { provider, holder: `${name}:${account}`, paused: paused.includes(name) };
  });
  const noted: MailRecords = {
    suppress: async (addresses) => void records.push(["suppress", ...addresses]),
    sent: async (mails) => void records.push(["sent", ...mails.map(({ provider, id, about }) => `${provider} ${id} ${about?.job}`)]),
    pause: async (provider, reason) => void records.push(["pause", provider, reason]),
    unpause: async (provider) => void records.push(["unpause", provider]),
  };
  const switching: Switching = {
    enter: async (provider) => (closed.has(provider) ? { until: 90_000 } : { lease: "l" }),
    leave: async () => undefined,
    calls: () => "answered",
    begin: async (key, holder) => {
      const known = tried.get(key);
      if (known === undefined) tried.set(key, { holder, at: now });
      return { ...(known ?? { holder, at: now }), again: known !== undefined };
    },
    clear: async (key) => void tried.delete(key),
  };
  const made = createMail({
    routes: routes as never,
    records: noted,
    gate: routes.length === 1 ? "mail" : undefined,
    switching: routes.length > 1 ? switching : undefined,
    earlierHolder: async (key) => tried.get(key)?.holder,
    now: () => now,
  });
  return { mail: made, sent, messages, records, tried, closed, switching };
}

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
    const mended = world({ resend: [taken] }, { paused: ["resend"] });
    await mended.mail.send(message, options);
    expect(mended.records[0]).toEqual(["unpause", "resend"]);
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

describe("a mail that a provider may have, whatever becomes of the connection", () => {
  const gone = expect.objectContaining({ class: "permanent", inDoubt: true, reason: expect.stringContaining("not in the connection any more") });
  const uncertain = async (mail: World["mail"], more: object = {}) => {
    const reply = await mail.send({ ...message, ...more }, options);
    return { at: 30_000, note: reply.ok ? null : JSON.parse(JSON.stringify(reply.failure.note)) };
  };

  test("of a fallback is not sent by the first provider when that is left alone, with its note or without", async () => {
    const both = world({ resend: [taken], postmark: [refusal("uncertain")] });
    both.closed.add("resend");
    const earlier = await uncertain(both.mail);
    const alone = world({ resend: [taken] }, { before: both });
    for (const each of [earlier, undefined]) expect(await alone.mail.send(message, { ...options, earlier: each })).toEqual({ ok: false, failure: gone });
    expect(await world({ resend: [taken] }).mail.send(message, { ...options, earlier })).toEqual({ ok: false, failure: gone });
    expect(alone.sent).toEqual([]);
  });

  test("ends at once when its provider was replaced, and waits while it is still there", async () => {
    const both = world({ resend: [taken], postmark: [refusal("uncertain")] });
    both.closed.add("resend");
    await uncertain(both.mail);
    const replaced = world({ resend: [taken], smtp: [taken] }, { before: both });
    expect(await replaced.mail.send(message, options)).toEqual({ ok: false, failure: gone });
    const moved = world({ postmark: [taken], smtp: [taken] }, { before: both, idempotent: ["postmark"] });
    moved.closed.add("postmark");
    expect(await moved.mail.send(message, options)).toMatchObject({ failure: { class: "limited" } });
    expect([replaced.sent, moved.sent]).toEqual([[], []]);
  });

  test("is not sent through another account of the same provider: keys hold within one", async () => {
    const first = world({ resend: [refusal("uncertain")] });
    const earlier = await uncertain(first.mail);
    expect(await world({ resend: [taken] }, { account: "2" }).mail.send(message, { ...options, earlier })).toEqual({ ok: false, failure: gone });
    expect(await world({ resend: [taken] }).mail.send(message, { ...options, earlier })).toMatchObject({ ok: true });
  });

  test("is not sent again when the promise of its provider is over", async () => {
    const both = world({ resend: [refusal("uncertain")], postmark: [taken] });
    await uncertain(both.mail);
    const next = world({ resend: [taken], postmark: [taken] }, { before: both, now: 30_000 + 86_400_000 });
    expect(await next.mail.send(message, options)).toMatchObject({ failure: { class: "permanent", inDoubt: true } });
    expect(next.sent).toEqual([]);
  });

  test("is repeated as it was, though sender and links have changed since", async () => {
    const headers = { "List-Unsubscribe": "<https://old.example/u/1>" };
    const first = world({ resend: [refusal("uncertain")] });
    const earlier = await uncertain(first.mail, { headers });
    const next = world({ resend: [taken] });
    await next.mail.send(
      { ...message, from: "new@example.com", replyTo: "new@example.com", headers: { "List-Unsubscribe": "<https://new.example/u/1>" } },
      { ...options, earlier },
    );
    expect(next.messages).toEqual(first.messages);
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
