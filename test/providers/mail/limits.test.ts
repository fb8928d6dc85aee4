import { describe, expect, test } from "vitest";
import { maxHeaderNameBytes, maxHeaderValueBytes, messageIssue } from "../../../src/providers/mail/limits";
import { message } from "./conformance";

const headers = (count: number, length: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-H${index}`, "x".repeat(length)]));

describe("a message is checked before any provider is asked", () => {
  test("one within the limits passes", () => {
    expect(messageIssue(message)).toBeUndefined();
    expect(messageIssue({ ...message, headers: headers(20, 800) })).toBeUndefined();
    expect(messageIssue({ ...message, headers: { ["X".repeat(maxHeaderNameBytes)]: "x".repeat(maxHeaderValueBytes) } })).toBeUndefined();
  });

  test.each<[string, object, RegExp]>([
    ["21 headers", { headers: headers(21, 1) }, /at most 20 headers/],
    ["a name of 101 bytes", { headers: { ["X".repeat(101)]: "x" } }, /header 1 has a name of 101 bytes/],
    ["a value of 2,049 bytes", { headers: { "X-A": "ü".repeat(1025) } }, /header 1 has a value of 2050 bytes/],
    ["headers of more than 16 KB", { headers: headers(9, 2000) }, /the headers have 18036 bytes/],
    ["a line break in a header", { headers: { "X-A": "a\r\nBcc: all@example.com" } }, /header 1 has a line break/],
    ["a line break in a name", { headers: { "X-A\r\nBcc": "a" } }, /header 1 has a name that is not visible ASCII/],
    ["a header of the mail's own", { headers: { "X-A": "a", bcc: "all@example.com" } }, /header 2 has a name that belongs/],
    ["a line break in the subject", { subject: "a\r\nBcc: all@example.com" }, /line break/],
    ["a line break in a recipient", { to: ["a@b.example\nc"] }, /line break/],
    ["no recipient", { to: [] }, /1 to 50 recipients, this one has 0/],
    ["51 recipients", { to: Array.from({ length: 51 }, (_, index) => `a${index}@b.example`) }, /has 51/],
    ["a file name that breaks a line", { attachments: [{ filename: "a\r\n.txt", contentType: "text/plain", content: new Uint8Array() }] }, /file name/],
    ["a content type that is none", { attachments: [{ filename: "a.txt", contentType: "text/plain\r\nX: y", content: new Uint8Array() }] }, /content type/],
    ["an attachment too large", { attachments: [{ filename: "a", contentType: "a/b", content: new Uint8Array(10 * 1024 * 1024) }] }, /at most 10485760/],
  ])("%s", (_what, change, expected) => {
    const issue = messageIssue({ ...message, ...change });
    expect(issue).toMatch(expected);
    expect(issue).not.toContain("all@example.com");
  });
});
