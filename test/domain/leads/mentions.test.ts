import { afterEach, expect, test, vi } from "vitest";
import { readEmail } from "../../../src/domain/leads/email";
import { namesAny } from "../../../src/domain/leads/mentions";
import { growsTooFast } from "../../support/growth";

const keys = new Set(["e:ada@x.example", "e:lovelace@gmail.com", "p:715559999"]);

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
  expect(namesAny(keys, text)).toBe(true);
});

test.each(["adam@x.example", "xada@x.example", "ada@y.x.example", "ada@x.example.org", "ada at x.example", "@x.example", "lovelace@x.example"])(
  "%s names another",
  (text) => {
    expect(namesAny(keys, text)).toBe(false);
  },
);

test.each([
  ["names of many parts", `${"a=".repeat(90)}@x.yz `],
  ["many short addresses", "a@a.bc "],
  ["names without an address", `${"a".repeat(200)} @ `],
  ["signs", "@a"],
])("addresses of others are read by none of their parts: %s", (_what, piece) => {
  const parse = vi.spyOn(URL, "parse");
  expect(namesAny(keys, piece.repeat(500))).toBe(false);
  expect(parse).not.toHaveBeenCalled();
});

test("an address is looked up once, however many parts its name has", () => {
  const parse = vi.spyOn(URL, "parse");
  expect(namesAny(keys, `${"a=ada=".repeat(10)}b@x.example `.repeat(50))).toBe(false);
  expect(parse.mock.calls.length).toBeLessThanOrEqual(50);
});

test("a heap of marks is no address, and costs no more than its length says", () => {
  const marks = (size: number) => `a${"\u0315\u0327".repeat(size / 2)}@x.example`;
  expect(readEmail(marks(2000))).toBeUndefined();
  expect(growsTooFast((size) => void readEmail(marks(size)), 8000)).toBe(false);
});
