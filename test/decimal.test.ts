import fc from "fast-check";
import { expect, test } from "vitest";
import { withCommas } from "../src/decimal";

test("a whole number has a comma before each three digits, as Intl writes it", () => {
  expect([0, 12, 999, 1000, 31_622_400].map(withCommas)).toEqual(["0", "12", "999", "1,000", "31,622,400"]);
  fc.assert(fc.property(fc.maxSafeNat(), (whole) => withCommas(whole) === whole.toLocaleString("en")));
});
