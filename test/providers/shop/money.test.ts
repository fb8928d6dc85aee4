import * as fc from "fast-check";
import { expect, test } from "vitest";
import { micros } from "../../../src/providers/shop/money";

test.each(["", "-", ".", "abc", "1,50", "1.2.3", "0x10", "1e400", "NaN", "Infinity", "9007199254.740992", "9".repeat(100)])("%j is no amount", (text) =>
  expect(micros(text)).toBeNull(),
);

test.each([
  ["59.800000", 59_800_000],
  ["0.000000", 0],
  ["-0.000000", 0],
  ["-12.345678", -12_345_678],
  ["25", 25_000_000],
  [25, 25_000_000],
  [59.8, 59_800_000],
  [".5", 500_000],
  ["1.0E-6", 1],
  ["1.5e3", 1_500_000_000],
  ["0.0000005", 1],
  ["0.0000004", 0],
  ["-0.0000005", -1],
  ["9007199254.740991", Number.MAX_SAFE_INTEGER],
])("%j is %i", (value, expected) => expect(micros(value)).toBe(expected));

test("what the shop prints of any amount comes back exactly", () =>
  fc.assert(
    fc.property(fc.maxSafeInteger(), (amount) => {
      const digits = String(Math.abs(amount)).padStart(7, "0");
      expect(micros(`${amount < 0 ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`)).toBe(amount);
    }),
  ));
