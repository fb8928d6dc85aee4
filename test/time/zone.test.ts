import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTimezone, localWindow, readLocal } from "../../src/time/zone";

const zones = ["America/Caracas", "Asia/Kolkata", "Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "UTC"];
const zone = fc.constantFrom(...zones);
const second = fc.integer({ min: Date.UTC(2005, 0, 1) / 1000, max: Date.UTC(2035, 0, 1) / 1000 }).map((seconds) => seconds * 1000);
/** What the shop's clock shows. */
const localOf = (at: number, name: string) => localWindow({ from: at, to: at }, name).from;

describe("what is no date", () => {
  test.each(["", "0000-00-00", "0000-00-00 00:00:00", "2026-02-30", "2026-13-01", "2026-11-20 24:61:00", "yesterday", "20.11.2026", "null", "1"])(
    "%j is null",
    (text) => expect(readLocal(text, "Europe/Prague")).toBeNull(),
  );
  test.each(["", "Mars/Olympus", "Europe", "+25:00"])("%j is no zone", (name) => expect(isTimezone(name)).toBe(false));
  test.each([...zones, "US/Eastern", "Asia/Calcutta"])("%s is one", (name) => expect(isTimezone(name)).toBe(true));
});

describe("local time of known moments", () => {
  test.each([
    ["Europe/Prague", "2026-03-29T00:59:59Z", "2026-03-29 01:59:59"],
    ["Europe/Prague", "2026-03-29T01:00:00Z", "2026-03-29 03:00:00"],
    ["Asia/Kolkata", "2026-03-29T01:00:00Z", "2026-03-29 06:30:00"],
    ["America/Caracas", "2016-05-01T06:59:59Z", "2016-05-01 02:29:59"],
    ["America/Caracas", "2016-05-01T07:00:00Z", "2016-05-01 03:00:00"],
    ["America/Caracas", "2026-05-01T00:00:00Z", "2026-04-30 20:00:00"],
    ["Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31 00:00:00"],
  ])("%s %s", (name, instant, local) => {
    expect(localOf(Date.parse(instant), name)).toBe(local);
    expect(readLocal(local, name)).toEqual({ instant: Date.parse(instant), ambiguous: false });
  });

  test("an hour that comes twice is read as the first, and said to be ambiguous", () => {
    expect(readLocal("2026-10-25 02:30:00", "Europe/Prague")).toEqual({ instant: Date.parse("2026-10-25T00:30:00Z"), ambiguous: true });
    expect(readLocal("2007-12-09 02:45:00", "America/Caracas")).toEqual({ instant: Date.parse("2007-12-09T06:45:00Z"), ambiguous: true });
    expect(readLocal("2026-10-25 03:00:00", "Europe/Prague")).toEqual({ instant: Date.parse("2026-10-25T02:00:00Z"), ambiguous: false });
  });

  test("a time that the clock skips is read with the offset from before", () =>
    expect(readLocal("2026-03-29 02:30:00", "Europe/Prague")).toEqual({ instant: Date.parse("2026-03-29T01:30:00Z"), ambiguous: false }));

  test("a date alone is its midnight", () => expect(readLocal("2026-06-01", "Asia/Kolkata")?.instant).toBe(Date.parse("2026-05-31T18:30:00Z")));
});

describe("for every moment", () => {
  test("there and back is the same, or the other of two that the clock shows alike", () =>
    fc.assert(
      fc.property(second, zone, (instant, name) => {
        const back = readLocal(localOf(instant, name), name);
        expect(back?.ambiguous || back?.instant === instant).toBe(true);
        expect(localOf(back?.instant ?? 0, name)).toBe(localOf(instant, name));
      }),
    ));

  test("a window's local times hold every moment within it, around clock changes too", () =>
    fc.assert(
      fc.property(around(), zone, fc.integer({ min: 0, max: 100 * 86_400 }), fc.double({ min: 0, max: 1, noNaN: true }), (from, name, length, share) => {
        const to = from + length * 1000;
        const within = from + Math.floor(length * share) * 1000;
        const { from: low, to: high } = localWindow({ from, to }, name);
        expect(low <= high).toBe(true);
        for (const instant of [from, within, to]) expect(low <= localOf(instant, name) && localOf(instant, name) <= high).toBe(true);
      }),
    ));
});

describe("a window across the end of summer time", () => {
  const window = (from: string, to: string) => localWindow({ from: Date.parse(from), to: Date.parse(to) }, "Europe/Prague");

  test("is not the wrong way round", () =>
    expect(window("2026-10-25T00:50:00Z", "2026-10-25T01:20:00Z")).toEqual({ from: "2026-10-25 02:00:00", to: "2026-10-25 02:59:59" }));
  test("is as it is where the change is outside", () =>
    expect(window("2026-10-25T01:10:00Z", "2026-10-25T01:20:00Z")).toEqual({ from: "2026-10-25 02:10:00", to: "2026-10-25 02:20:00" }));
  test("across the start of it, too", () =>
    expect(window("2026-03-29T00:50:00Z", "2026-03-29T01:10:00Z")).toEqual({ from: "2026-03-29 01:50:00", to: "2026-03-29 03:10:00" }));
});

/** Any moment, with those near clock changes among them. */
function around() {
  const changes = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2007-12-09T07:00:00Z", "2016-05-01T07:00:00Z", "2011-12-30T10:00:00Z"].map((text) =>
    Date.parse(text),
  );
  const near = fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -7200, max: 7200 })).map(([change, seconds]) => change + seconds * 1000);
  return fc.oneof(second, near);
}
