import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decimal, sumOf, times } from "../../../src/decimal";
import { micros } from "../../../src/providers/shop/fields";

test.each(["", "-", ".", "abc", "1.234,50", "1.2.3", "0x10", "1e400", "NaN", "Infinity", "9".repeat(100)])("%j is no amount", (text) =>
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
  ["59,800000", 59_800_000],
  ["-12,3", -12_300_000],
  ["1,0E-6", 1],
  ["1e-7", 0],
  ["5e-7", 1],
  ["1.25e+25", "12500000000000000000000000000000"],
  [1e21, "1000000000000000000000000000"],
  ["9007199254.740992", "9007199254740992"],
  ["-12500000000.000000", "-12500000000000000"],
  ["99999999999999.999999", "99999999999999999999"],
  ["-0.0000005", -1],
  ["9007199254.740991", Number.MAX_SAFE_INTEGER],
])("%j is %s", (value, expected) => expect(micros(value)).toBe(expected));

test("what the shop prints of any amount comes back exactly, whatever the size and the locale", () =>
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.constantFrom(".", ","), (amount, point) => {
      const digits = String(amount < 0n ? -amount : amount).padStart(7, "0");
      const found = micros(`${amount < 0n ? "-" : ""}${digits.slice(0, -6)}${point}${digits.slice(-6)}`);
      expect(BigInt(found ?? 1.5)).toBe(amount);
      expect(typeof found).toBe(Number.isSafeInteger(Number(amount)) ? "number" : "string");
      expect(BigInt(decimal(found ?? 0).replace(".", ""))).toBe(amount);
    }),
  ));

test("prices of quantities are exact, too", () => {
  expect(decimal(times(0.3, 19_990_000))).toBe("5.997000");
  expect(decimal(times(3, "12500000000000000"))).toBe("37500000000.000000");
  expect(decimal(times(-0.000001, 500_000))).toBe("-0.000001");
  expect(decimal(sumOf(["9007199254740993", 1]))).toBe("9007199254.740994");
});
