import { afterEach, expect, test, vi } from "vitest";
import { readEmail } from "../../../src/domain/leads/email";
import { mentionsPerson } from "../../../src/domain/erasure/person-matcher";
import { growsTooFast } from "../../support/growth";

const keys = new Set(["e:ada@x.example", "e:lovelace@gmail.com", "p:+491715559999"]);

afterEach(() => void vi.restoreAllMocks());

test.each([
  "ada@x.example",
  "write to <Ada@X.Example>.",
  "email=ada@x.example&name=b",
  "'ada@x.example'",
  "a=b=ada@x.example",
  "ada%40x.example",
  '{"a":["Love.Lace+shop@googlemail.com"]}',
  "@@ada@x.example",
  "ada@ｘ.example",
  `${"x".repeat(300)}=ada@x.example`,
])("%s names the person", (text) => {
  expect(mentionsPerson(keys, text)).toBe(true);
});

test.each(["adam@x.example", "xada@x.example", "ada@y.x.example", "ada@x.example.org", "ada at x.example", "@x.example", "lovelace@x.example"])(
  "%s names another",
  (text) => {
    expect(mentionsPerson(keys, text)).toBe(false);
  },
);

test.each([
  ["names of many parts", `${"a=".repeat(90)}@x.yz `],
  ["many short addresses", "a@a.bc "],
  ["names without an address", `${"a".repeat(200)} @ `],
  ["signs", "@a"],
])("addresses of others are read by none of their parts: %s", (_what, piece) => {
  const parse = vi.spyOn(URL, "parse");
  expect(mentionsPerson(keys, piece.repeat(500))).toBe(false);
  expect(parse).not.toHaveBeenCalled();
});

test("an address is looked up once, however many parts its name has", () => {
  const parse = vi.spyOn(URL, "parse");
  expect(mentionsPerson(keys, `${"a=ada=".repeat(10)}b@x.example `.repeat(50))).toBe(false);
  expect(parse.mock.calls.length).toBeLessThanOrEqual(50);
});

test("a heap of marks is no address, and costs no more than its length says", () => {
  const marks = (size: number) => `a${"\u0315\u0327".repeat(size / 2)}@x.example`;
  expect(readEmail(marks(2000))).toBeUndefined();
  expect(growsTooFast((size) => void readEmail(marks(size)), 8000)).toBe(false);
});

const british = ["p:+447125550100", "p:7125550100"];

test.each([
  ["+44 7125 550100", british],
  ["+44 (0)7125/550-100, today", british],
  ["0044 7125 550100", british],
  ["447125550100", british],
  ['{"phone":447125550100}', british],
  ["flat 5 - 07125 550100", british],
  ["+1 212 555 0199 / 07125 550100", british],
  ["+44 7125 550100", ["p:+447125550100"]],
  ["+45 12 34 56 78", ["p:+4512345678"]],
  ["12 34 56 78", ["p:12345678"]],
])("%s names the number", (text, sought) => {
  expect(mentionsPerson(new Set(sought), text)).toBe(true);
});

test.each([
  ["+1 212 555 0100", british],
  ["212 555 0100", british],
  ["125550100", british],
  ["+1 712 555 0100", british],
  ["+447125550100", ["p:+17125550100", "p:7125550100"]],
  ["07125 550100", ["p:+447125550100"]],
  ["+1 2125550100", ["p:125550100"]],
  ["+47 12 34 56 78", ["p:12345678"]],
])("%s names another number", (text, sought) => {
  expect(mentionsPerson(new Set(sought), text)).toBe(false);
});

test("a run of digits costs no more than its length says", () => {
  expect(growsTooFast((size) => void mentionsPerson(new Set(british), "7 1 2 5 5 5 0 1 0 ".repeat(size / 18)), 8000)).toBe(false);
});
