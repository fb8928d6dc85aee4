import { afterEach, describe, expect, test, vi } from "vitest";
import { builtInFrom } from "../../src/domain/mail/built-in";
import { runEmail } from "../../src/jobs/email/run";
import { failed, ok } from "../../src/queue/effect";
import { skipPauses } from "../support/model";
import { cutOffOnce } from "../support/work-job";
import { type EmailInput, sendEmail } from "./send-email";

afterEach(() => void vi.unstubAllGlobals());

describe("sending", () => {
  const plain: EmailInput = { to: "ada@example.com", subject: "s", text: "t" };

  test("sends once, under the effect's key", async () => {
    const { job, sent } = await sendEmail(plain);
    expect(job).toBeDone({ messageId: "m-1" });
    expect(job).toHaveMade("send");
    expect(sent).toEqual([{ message: { from: builtInFrom, to: ["ada@example.com"], subject: "s", text: "t" }, idempotencyKey: `${job.id}:send:0` }]);
  });

  test("a run after one that was cut off sends nothing and returns the recorded result", async () => {
    const { job, sent } = await sendEmail(plain, { run: cutOffOnce(runEmail) });
    expect(job).toBeRetried(/cut off/);
    expect(await job.next()).toBeDone({ messageId: "m-1" });
    expect(sent).toHaveLength(1);
  });

  test("a dry run only says what it would do", async () => {
    const { job, sent } = await sendEmail(plain, { dryRun: true });
    expect(job).toBeDone({ messageId: null });
    expect(job).toHavePlanned("send");
    expect(sent).toEqual([]);
  });

  test("what may pass is tried again, as late as the provider asks", async () => {
    for (const kind of ["transient", "uncertain"] as const) {
      const { job, sent } = await sendEmail(plain, { replies: [failed({ class: kind, reason: "r" }), ok({ id: "m-2" })] });
      expect(job).toBeRetried("r");
      expect(await job.next()).toBeDone({ messageId: "m-2" });
      expect(sent[1]).toEqual(sent[0]);
    }
    expect((await sendEmail(plain, { replies: [failed({ class: "transient", reason: "r", retryAfter: 700 })] })).job).toBeRetried("r", 700);
  });

  test("a limit is waited for, and counts no attempt", async () => {
    expect((await sendEmail(plain, { replies: [failed({ class: "limited", reason: "r", retryAfter: 30 })] })).job).toHaveWaited("r", 30);
  });

  test.each(["permanent", "config"] as const)("%s trouble is a dead letter at once", async (kind) => {
    expect((await sendEmail(plain, { replies: [failed({ class: kind, reason: "r" })] })).job).toBeDiscarded("r");
  });

  test("a provider that stays away is tried eight times", async () => {
    let { job } = await sendEmail(plain, { replies: [failed({ class: "transient", reason: "503" })] });
    for (let runs = 1; runs < 8; runs++) job = await job.next();
    expect(job).toHaveDied("503");
  });

  test("sender and reply address: the payload's, else the connection's, else the built-in", async () => {
    const mail = { from: "shop@example.com", replyTo: "help@example.com" };
    const own = await sendEmail({ ...plain, from: "a@b.example", replyTo: "c@d.example" }, { mail });
    expect(own.sent[0]?.message).toMatchObject({ from: "a@b.example", replyTo: "c@d.example" });
    expect((await sendEmail(plain, { mail })).sent[0]?.message).toMatchObject({ from: "shop@example.com", replyTo: "help@example.com" });
    expect((await sendEmail(plain)).sent[0]?.message.replyTo).toBeUndefined();
  });

  test("a suppressed recipient gets nothing, and the job says why", async () => {
    const { job, sent } = await sendEmail(plain, { suppressed: { "ada@example.com": "bounce" } });
    expect(sent).toEqual([]);
    expect(job).toBeDone({ messageId: null, skipped: [{ address: "ada@example.com", reason: "bounce" }] });
  });

  test("of several recipients the suppressed one alone is left out, on each try the same", async () => {
    const to = ["ada@example.com", "grace@example.org"];
    const suppressed: Record<string, "bounce"> = { "ada@example.com": "bounce" };
    const { job, sent } = await sendEmail({ ...plain, to }, { suppressed, replies: [failed({ class: "transient", reason: "503" }), ok({ id: "m-1" })] });
    expect(job).toBeRetried("503");
    // Suppressed since the first try, which may have reached the provider.
    suppressed["grace@example.org"] = "bounce";
    expect(await job.next()).toBeDone({ messageId: "m-1", skipped: [{ address: "ada@example.com", reason: "bounce" }] });
    expect(sent.map(({ message }) => message.to)).toEqual([["grace@example.org"], ["grace@example.org"]]);
  });

  test("none of several recipients gets the mail when the record of who is left out fails", async () => {
    skipPauses();
    const { job, sent } = await sendEmail(
      { to: ["ada@example.com", "grace@example.org"], subject: "s", text: "t" },
      { suppressed: { "ada@example.com": "bounce" }, isDown: (call) => call === "recordEffect" },
    );
    expect(job).toBeRetried();
    expect(sent).toEqual([]);
  });

  test("a recipient that the provider refused is named in the result", async () => {
    const { job } = await sendEmail({ ...plain, to: ["ada@example.com", "grace@example.org"] }, { replies: [ok({ id: "m-1", refused: [1] })] });
    expect(job).toBeDone({ messageId: "m-1", skipped: [{ address: "grace@example.org", reason: "rejected" }] });
  });

  test("bulk mail carries the headers to unsubscribe and spares who did; other mail does neither", async () => {
    const headers = { "List-Unsubscribe": expect.stringMatching(/^<https:/), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
    const bulk: EmailInput = { ...plain, priority: "low" };
    expect((await sendEmail(bulk)).sent[0]?.message).toMatchObject({ bulk: true, headers });
    const several = await sendEmail({ ...bulk, to: ["ada@example.com", "grace@example.org"] });
    expect(several.sent[0]?.message).toMatchObject({ bulk: true });
    expect(several.sent[0]?.message.headers).toBeUndefined();
    const suppressed = { "ada@example.com": "unsubscribe" as const };
    expect((await sendEmail(bulk, { suppressed })).sent).toEqual([]);
    const { sent } = await sendEmail(plain, { suppressed });
    expect([sent.length, sent[0]?.message.headers]).toEqual([1, undefined]);
  });

  test("bulk mail to one recipient prints the recipient's link to unsubscribe; other mail has none to print", async () => {
    const bulk: EmailInput = { to: "ada@example.com", subject: "s", html: "<a href='{{ unsubscribeUrl }}'>no more</a>", variables: {}, priority: "low" };
    const { headers, html } = (await sendEmail(bulk)).sent[0]?.message ?? {};
    expect(headers?.["List-Unsubscribe"]).toBe(`<${/'(.+)'/.exec(html ?? "")?.[1]}>`);
    const own = await sendEmail({ ...bulk, variables: { unsubscribeUrl: "https://shop.example/bye" } });
    expect(own.sent[0]?.message.html).toContain("'https://shop.example/bye'");
    for (const other of [
      { ...bulk, priority: "normal" as const },
      { ...bulk, to: ["ada@example.com", "grace@example.org"] },
    ]) {
      expect((await sendEmail(other)).job).toBeDiscarded(/"unsubscribeUrl" is not given/);
    }
    const rest = await sendEmail({ ...bulk, to: ["ada@example.com", "grace@example.org"] }, { suppressed: { "ada@example.com": "unsubscribe" } });
    expect(rest.sent[0]?.message).toMatchObject({ to: ["grace@example.org"], html: expect.stringContaining("https://") });
  });

  test("one mail to each recipient, however often named", async () => {
    const { sent } = await sendEmail({ ...plain, to: ["ada@example.com", "Ada <ADA@example.com>", "grace@example.org"] });
    expect(sent[0]?.message.to).toEqual(["Ada <ADA@example.com>", "grace@example.org"]);
  });

  test("an address in another script is sent to, and suppressed, by its ASCII form", async () => {
    const { sent } = await sendEmail({ to: ["ada@bücher.example", "ADA@xn--bcher-kva.example"], subject: "s", text: "t" });
    expect(sent[0]?.message.to).toEqual(["ADA@xn--bcher-kva.example"]);
  });
});

describe("content", () => {
  const at = Date.UTC(2024, 5, 1);

  test("comes from the template as it was when the job was enqueued", async () => {
    const { sent, lookups } = await sendEmail({ to: "ada@example.com", templateId: "welcome", variables: { name: "A & B" } }, { start: at, tenant: "shop" });
    expect(lookups).toEqual([["shop", "welcome", at]]);
    expect(sent[0]?.message).toMatchObject({ subject: "Hi A & B", html: "<p>A &amp; B 2024</p>" });
  });

  test("the payload's subject goes before the template's", async () => {
    const { sent } = await sendEmail({ to: "ada@example.com", templateId: "welcome", subject: "For {{ name }}", variables: { name: "Ada" } });
    expect(sent[0]?.message.subject).toBe("For Ada");
  });

  test.each<[EmailInput, string]>([
    [{ to: "ada@example.com", templateId: "unknown" }, 'there is no template "unknown"'],
    [{ to: "ada@example.com", templateId: "welcome" }, 'subject: line 1, column 7: the variable "name" is not given'],
    [{ to: "ada@example.com", subject: "s", text: "{{ a }}", variables: {} }, 'text: line 1, column 4: the variable "a" is not given'],
  ])("%j is a dead letter at once", async (input, reason) => {
    const { job, sent } = await sendEmail(input);
    expect(job).toBeDiscarded(reason);
    expect(sent).toEqual([]);
  });

  test("the sender's own is Liquid only when variables come with it", async () => {
    const input = { to: "ada@example.com", subject: "{{ a }}", html: "<b>{{ a }}</b>" };
    expect((await sendEmail(input)).sent[0]?.message).toMatchObject({ subject: "{{ a }}", html: "<b>{{ a }}</b>" });
    expect((await sendEmail({ ...input, variables: { a: "<" } })).sent[0]?.message).toMatchObject({ subject: "<", html: "<b>&lt;</b>" });
  });

  test("is the same on every try", async () => {
    const input: EmailInput = { to: "ada@example.com", templateId: "welcome", variables: { name: "Ada" } };
    const { job, sent } = await sendEmail(input, { start: at, replies: [failed({ class: "transient", reason: "503" })] });
    job.bench.advance(24 * 3_600_000);
    await job.next();
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(sent[0]);
  });
});
