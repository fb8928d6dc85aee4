import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { maxAttachmentBytes } from "../../src/domain/mail/attachments";
import { failed } from "../../src/queue/effect";
import { type EmailInput, sendEmail } from "./send-email";

describe("attachments", () => {
  const bytes = new TextEncoder().encode("%PDF");
  const mail: EmailInput = { to: "ada@example.com", subject: "s", text: "t" };
  const away = failed({ class: "transient", reason: "503" });

  test("are read from the tenant's own objects, named by the sender or by their key", async () => {
    await env.MEDIA.put("acme/invoices/7.pdf", bytes, { httpMetadata: { contentType: "application/pdf" } });
    await env.MEDIA.put("acme/terms", bytes);
    const { sent } = await sendEmail({ ...mail, attachments: [{ key: "invoices/7.pdf" }, { key: "terms", filename: "Terms & co.txt" }] });
    expect(sent[0]?.message.attachments).toEqual([
      { filename: "7.pdf", contentType: "application/pdf", content: bytes },
      { filename: "Terms & co.txt", contentType: "application/octet-stream", content: bytes },
    ]);
  });

  test("that are not there, another tenant's, or too large are a dead letter, and nothing is sent", async () => {
    await env.MEDIA.put("other/secret.pdf", bytes);
    for (const key of ["nowhere.pdf", "secret.pdf"]) {
      const { job, sent } = await sendEmail({ ...mail, attachments: [{ key }] });
      expect(job).toBeDiscarded("attachment 1: there is no such object");
      expect(sent).toEqual([]);
    }
    await env.MEDIA.put("acme/large", new Uint8Array(maxAttachmentBytes / 2 + 1));
    const { job, sent } = await sendEmail({ ...mail, attachments: [{ key: "large" }, { key: "large" }] });
    expect(job).toBeDiscarded(new RegExp(`at most ${maxAttachmentBytes} are sent`));
    expect(sent).toEqual([]);
  });

  test("are the same in every try", async () => {
    await env.MEDIA.put("acme/once.pdf", bytes);
    const { job, sent } = await sendEmail({ ...mail, attachments: [{ key: "once.pdf" }] }, { replies: [away] });
    expect(job).toBeRetried("503");
    expect(job.effects.find(({ key }) => key === "decide:attachments")?.value).toEqual([{ etag: expect.any(String), bytes: 4 }]);
    await job.next();
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(sent[0]);
  });

  test.each([
    ["replaced", () => env.MEDIA.put("acme/twice.pdf", new TextEncoder().encode("%PDF-2"))],
    ["removed", () => env.MEDIA.delete("acme/twice.pdf")],
  ])("one that was %s since the first try is a dead letter, and nothing more is sent", async (_how, change) => {
    await env.MEDIA.put("acme/twice.pdf", bytes);
    const { job, sent } = await sendEmail({ ...mail, attachments: [{ key: "twice.pdf" }] }, { replies: [away] });
    await change();
    expect(await job.next()).toBeDiscarded("attachment 1: it was replaced or removed since the mail was first tried");
    expect(sent).toHaveLength(1);
  });
});
