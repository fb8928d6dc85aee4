import { expect, test } from "vitest";
import { usd } from "../../src/dashboard/parts/format";

test.each([
  [0, "0.00 USD"],
  [0.00000001, "under 0.0001 USD"],
  [0.00004999, "under 0.0001 USD"],
  [0.00005, "0.0001 USD"],
  [0.5, "0.50 USD"],
  [1234.5, "1,234.50 USD"],
])("an amount of %f is %s: what costs something is never shown as 0", (amount, text) => {
  expect(usd(amount)).toBe(text);
});
