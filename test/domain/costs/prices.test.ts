import { expect, test } from "vitest";
import { prices, priceSources, usdOfUnits } from "../../../src/domain/costs/prices";

test("a million rows written and three million queue operations cost what the two cost", () => {
  expect(usdOfUnits({ rowWritten: 1_000_000, queueOperation: 3_000_000 })).toBeCloseTo(prices.rowWritten + 3 * prices.queueOperation);
  expect(usdOfUnits({})).toBe(0);
});

test("every price has a source on the vendor's site", () => {
  expect(Object.keys(priceSources).sort()).toEqual(Object.keys(prices).sort());
  for (const source of Object.values(priceSources)) expect(source).toMatch(/^https:\/\/developers\.cloudflare\.com\//);
});
