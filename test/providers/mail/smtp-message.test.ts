import PostalMime from "postal-mime";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MailMessage } from "../../../src/providers/mail/mail";
import { toMime } from "../../../src/providers/mail/smtp/mime";
import { message } from "./conformance";
import { now, one, send } from "./smtp-send";

describe("the message", () => {
  const parsed = (mail: MailMessage) => PostalMime.parse(toMime(mail, { messageId: "1@example.com", date: now }));

  test("reads as it was written, attachments included", async () => {
    const read = await parsed({ ...message, subject: "Größe 😀 ".repeat(40).trim(), from: "Größe, GmbH <shop@example.com>" });
    expect(read).toMatchObject({
      from: { name: "Größe, GmbH", address: "shop@example.com" },
      to: [
        { name: "Ada Lovelace", address: "ada@example.com" },
        { name: "", address: "grace@example.org" },
      ],
      replyTo: [{ address: "help@example.com" }],
      subject: "Größe 😀 ".repeat(40).trim(),
      date: "2026-10-30T23:00:00.000Z",
      messageId: "<1@example.com>",
      html: expect.stringContaining(message.html ?? ""),
      text: expect.stringContaining(message.text ?? ""),
    });
    const [file] = read.attachments;
    expect([file?.filename, file?.mimeType, [...new Uint8Array(file?.content as ArrayBuffer)]]).toEqual(["Größe.txt", "text/plain", [1, 2, 250]]);
    expect(read.headers.find(({ key }) => key === "list-unsubscribe")?.value).toBe("<https://jobs.example.com/u/1>");
  });

  test("a long header stays readable: folded before spaces, and refused where a word fits no line", async () => {
    const long = Array.from({ length: 12 }, (_, index) => `<https://jobs.example.com/u/${"x".repeat(100)}${index}>`).join(",  ");
    const headers = { "List-Unsubscribe": long, "X-Short": "a  b", "X-Spaces": `${"  a".repeat(50)}  ` };
    const source = toMime({ ...one, subject: "word ".repeat(190).trim(), headers }, { messageId: "1@b.example", date: 0 });
    expect(source).not.toContain("=?");
    expect(source.split("\r\n").every((each) => each.length <= 150 && /^\S|^ +\S|^$/.test(each))).toBe(true);
    expect(source.replaceAll(/\r\n(?= )/g, "")).toContain(`\r\nList-Unsubscribe: ${long}\r\n`);
    expect(source.replaceAll(/\r\n(?= )/g, "")).toContain(`\r\nX-Spaces: ${"  a".repeat(50)}  \r\n`);
    const { reply, connected } = await send(() => undefined, { mail: { ...one, headers: { "X-Word": "x".repeat(1000) } } });
    expect([reply, connected]).toMatchObject([{ failure: { class: "permanent", reason: expect.stringContaining("header 1") } }, []]);
  });

  test("a long file name comes back, in lines that every server takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 400 }), async (text) => {
        const filename = `${text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "")}.pdf`;
        const file = { filename, contentType: "application/pdf", content: new Uint8Array([1]) };
        const source = toMime({ ...one, attachments: [file] }, { messageId: "1@b.example", date: 0 });
        expect(source.split("\r\n").every((each) => each.length <= 78)).toBe(true);
        expect((await PostalMime.parse(source)).attachments[0]?.filename).toBe(filename);
      }),
      { numRuns: 40 },
    );
  });

  test("any text comes back, in lines that every server takes, without a dot alone", async () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ""));
    const body = fc.string({ unit: fc.oneof(fc.constantFrom(".", "\r\n", "\n", "a", "=", "--=_", "From "), fc.string({ unit: "grapheme", maxLength: 3 })) });
    await fc.assert(
      fc.asyncProperty(line, body, line, async (subject, text, name) => {
        const source = toMime(
          { from: "a@b.example", to: ["c@d.example"], subject, text: text.toWellFormed(), headers: { "X-Name": name } },
          { messageId: "1@b.example", date: 0 },
        );
        expect(source).toMatch(/^[\x20-\x7e\r\n]*$/);
        const lines = source.split("\r\n");
        expect(lines.every((each) => each.length <= 998 && !each.includes("\n") && !each.startsWith("."))).toBe(true);
        const read = await PostalMime.parse(source);
        expect((read.subject ?? "").trim()).toBe(subject.trim());
        expect((read.text ?? "").replace(/\r?\n$/, "").replaceAll("\r\n", "\n")).toBe(text.toWellFormed().replaceAll("\r\n", "\n").replace(/\n$/, ""));
      }),
      { numRuns: 60 },
    );
  });
});
