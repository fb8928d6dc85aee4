import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  acceptedAt,
  broughtBack,
  copyDelay,
  heldOrQueued,
  heldUntil,
  maxHoldMs,
  maxRideMs,
  maxSweepMs,
  nextCheckAt,
  parkedAt,
  type Placement,
  queuedNow,
  sweepAfterMs,
} from "../../src/queue/placement";

const now = Date.UTC(2026, 10, 21, 12);
const day = 86_400_000;
const time = fc.integer({ min: now - 30 * day, max: now + 30 * day });

const places: [name: string, place: fc.Arbitrary<Placement>][] = [
  ["queued now", fc.constant(queuedNow(now))],
  ["held until a time", fc.tuple(time, fc.constantFrom(maxRideMs, maxHoldMs)).map(([due, max]) => heldUntil(due, now, max))],
  ["held or queued", fc.option(time).map((due) => heldOrQueued(due, now))],
  ["accepted", fc.tuple(fc.integer({ min: now - 5 * day, max: now }), fc.option(time)).map(([at, due]) => acceptedAt(at, due, now))],
  ["brought back", fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 40 })).map(([delay, sweeps]) => broughtBack(now, delay, sweeps))],
];

describe("wherever a job waits", () => {
  test.each(places)("%s: its message runs it, or the tick finds it, and never before it is due", (_name, place) => {
    fc.assert(
      fc.property(place, ({ due, sent, wake, gate }) => {
        for (const each of [due, sent, wake]) expect(each === null || Number.isInteger(each)).toBe(true);
        expect(gate).toBeNull();
        // Without a message the tick sends one when it is due; with one it looks for it ten minutes after it was deliverable.
        if (sent === null) expect(wake).toBe(due);
        else if (wake !== null) expect(wake - Math.max(sent, now)).toBeLessThanOrEqual(maxSweepMs);
        if (sent !== null && wake !== null) expect(wake - sent).toBeGreaterThanOrEqual(sweepAfterMs - 60_000);
        if (due !== null && sent !== null) expect(sent).toBeGreaterThanOrEqual(due);
        const delay = copyDelay({ due, sent, wake, gate }, now);
        expect(delay === null).toBe(sent === null);
        expect(delay === null || (delay >= 0 && delay <= maxRideMs / 1000)).toBe(true);
        // Rounded up to whole seconds a copy never comes too early.
        if (delay !== null && due !== null) expect(now + delay * 1000).toBeGreaterThanOrEqual(Math.min(due, now + maxRideMs));
      }),
    );
  });

  test("only a job that the scan over the ids will pass has no side row", () => {
    fc.assert(
      fc.property(fc.integer({ min: now - 5 * day, max: now }), (at) => {
        const { wake } = acceptedAt(at, null, now);
        expect(wake === null).toBe(now - at <= sweepAfterMs / 2);
      }),
    );
  });

  test("parked: without a message, by age at its gate, the urgent first", () => {
    fc.assert(
      fc.property(time, time, (one, other) => {
        const [older, younger] = [parkedAt("mail", Math.min(one, other), false), parkedAt("mail", Math.max(one, other) + 1, false)];
        expect(older).toMatchObject({ due: null, sent: null, gate: "mail" });
        expect(older.wake ?? 0).toBeLessThan(younger.wake ?? 0);
        expect(parkedAt("mail", one, true).wake ?? 0).toBeLessThan(one - 29 * day);
      }),
    );
  });
});

describe("a message that was sent", () => {
  const oldest = fc.oneof(fc.constant(null), fc.constant(Infinity), time);
  const message = fc.record({ sent: fc.integer({ min: now - day, max: now }), sweeps: fc.nat({ max: 40 }) });

  test("is given two minutes at least and six hours at most, and is lost when the time comes that was said", () => {
    fc.assert(
      fc.property(message, oldest, (sent, front) => {
        const next = nextCheckAt(sent, front, now);
        if (next === "now") expect(now - sent.sent).toBeGreaterThanOrEqual(2 * 60_000);
        else {
          expect(next).toBeGreaterThan(now);
          expect(next - sent.sent).toBeLessThanOrEqual(maxSweepMs);
          expect(nextCheckAt(sent, front, next)).toBe("now");
        }
      }),
    );
  });

  test("is waited for longer while its queue has not come to it", () => {
    const sent = { sent: now - 20 * 60_000, sweeps: 0 };
    expect(nextCheckAt(sent, null, now)).toBe("now");
    expect(nextCheckAt(sent, sent.sent - 1, now)).toBe(sent.sent + 4 * sweepAfterMs);
    expect(nextCheckAt({ sent: now - 3 * 60_000, sweeps: 0 }, Infinity, now)).toBe("now");
  });
});
