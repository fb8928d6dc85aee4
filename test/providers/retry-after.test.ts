import * as fc from "fast-check";
import { expect, test } from "vitest";
import { retryAfter } from "../../src/providers/retry-after";

const now = Date.UTC(2026, 9, 1, 12, 0, 0);

const readable: [string, number][] = [
  ["120", 120],
  ["0", 0],
  [" 7 ", 7],
  ["1.2", 2],
  ["86400", 86_400],
  ["86401", 86_400],
  ["999999999999", 86_400],
  ["Thu, 01 Oct 2026 12:00:30 GMT", 30],
  ["Thursday, 01-Oct-26 12:01:00 GMT", 60],
  ["Thu Oct  1 12:00:05 2026", 5],
  ["Thu, 01 Oct 2026 11:59:00 GMT", 0],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
  ["Sat, 01 Oct 2050 12:00:00 GMT", 86_400],
];

test.each(readable)("reads %j as %d seconds", (value, seconds) => {
  expect(retryAfter(new Headers({ "retry-after": value }), now)).toBe(seconds);
});

const garbage = [
  "",
  "soon",
  "-5",
  "+5",
  "1e3",
  "0x10",
  "12 s",
  "1,5",
  "2026-10-01T12:00:30Z",
  "Xyz, 01 Oct 2026 12:00:30 GMT",
  "Thu, 99 Oct 2026 12:00:30 GMT",
  "foo 1",
  "NaN",
  "Infinity",
  "9".repeat(40),
];

test.each(garbage)("ignores %j", (value) => {
  expect(retryAfter(new Headers({ "retry-after": value }), now)).toBeUndefined();
});

test("prefers milliseconds, rounded up", () => {
  expect(retryAfter(new Headers({ "retry-after-ms": "1500", "retry-after": "60" }), now)).toBe(2);
  expect(retryAfter(new Headers({ "retry-after-ms": "soon", "retry-after": "60" }), now)).toBe(60);
  expect(retryAfter(new Headers(), now)).toBeUndefined();
});

test("every date gives back its distance", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 86_400 }), (seconds) => {
      const date = new Date(now + seconds * 1000).toUTCString();
      expect(retryAfter(new Headers({ "retry-after": date }), now)).toBe(seconds);
    }),
  );
});

test("never throws and always answers whole seconds within a day, or nothing", () => {
  const value = fc.string({ unit: "grapheme-ascii" });
  fc.assert(
    fc.property(value, value, fc.integer(), (after, milliseconds, clock) => {
      const seconds = retryAfter(new Headers({ "retry-after": after, "retry-after-ms": milliseconds }), clock);
      expect(seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 86_400)).toBe(true);
    }),
  );
});
