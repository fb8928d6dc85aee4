import fc from "fast-check";
import { expect, test } from "vitest";
import { decimal } from "../../../../src/decimal";
import { scheduleName } from "../../../../src/domain/shop/site/connect";
import { lastDaysSpan, nextSpan, halves } from "../../../../src/domain/shop/sync/date-range";

const minute = 60_000;
const now = Date.UTC(2026, 10, 21, 12, 0, 30, 500);

test("a window ends a minute ago, in whole seconds", () => {
  expect(lastDaysSpan(40, now)).toEqual({ from: Date.UTC(2026, 9, 12, 11, 59, 30), to: Date.UTC(2026, 10, 21, 11, 59, 30) });
  expect(nextSpan(null, "UTC", now)).toEqual(lastDaysSpan(40, now));
});

test("the next window overlaps the last by ten minutes, and by hours around a change of the shop's clock", () => {
  const back = (readTo: number, zone: string | null) => readTo - nextSpan(readTo, zone, now + 300 * 24 * 60 * minute).from;
  const october = Date.UTC(2026, 9, 25, 1);
  expect(back(october, "Europe/Madrid")).toBe(180 * minute);
  expect(back(october - 13 * 60 * minute, "Europe/Madrid")).toBe(10 * minute);
  expect(back(Date.UTC(2027, 2, 28, 1), "Europe/Madrid")).toBe(180 * minute);
  for (const zone of ["America/Caracas", "Asia/Kolkata", "UTC"]) expect(back(october, zone)).toBe(10 * minute);
  expect(back(october, null)).toBe(180 * minute);
});

test("a cursor ahead of the clock never makes a window that ends before it begins", () => {
  const span = nextSpan(now + 3600_000, "UTC", now);
  expect(span.from).toBeLessThan(span.to);
});

test("parts of a window meet, in their order, and cover it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3650 }), (days) => {
      const whole = lastDaysSpan(days, now);
      const parts = halves(whole);
      expect([parts[0]?.from, parts.at(-1)?.to]).toEqual([whole.from, whole.to]);
      for (const [index, { from, to }] of parts.entries()) {
        expect(from).toBeLessThan(to);
        if (index > 0) expect(from).toBe(parts[index - 1]?.to);
      }
    }),
  );
});

test("money reads as the shop writes it", () => {
  expect([0, 1, -1, 59_800_000, -500_000, 1_234_567_890_123].map(decimal)).toEqual([
    "0.000000",
    "0.000001",
    "-0.000001",
    "59.800000",
    "-0.500000",
    "1234567.890123",
  ]);
});

test("each site has names of its own for its schedules, however long its own is", () => {
  const long = "a".repeat(62);
  expect(scheduleName("sync-orders", "main")).toBe("sync-orders-main");
  const names = [`${long}b`, `${long}c`].map((site) => scheduleName("sync-products", site));
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,63}$/);
});
