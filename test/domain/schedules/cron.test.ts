import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { cronIssue, nextTimes, plannedBetween } from "../../../src/domain/schedules/cron";
import { schedulePayload, type Schedule, scheduleInput, scheduleView, spreadOf } from "../../../src/domain/schedules/model";
import { isTimezone, localTime } from "../../../src/time/zone";

const runs = (cron: string, zone: string, from: string, count: number) =>
  nextTimes({ cron, timezone: zone }, Date.parse(from), count).map((at) => localTime(at, zone));

describe("a cron pattern is refused with a reason", () => {
  test.each([
    ["* * * *", /five fields.*has 4/],
    ["0 0 3 * * *", /five fields.*has 6/],
    ["@daily", /five fields.*has 1/],
    ["", /five fields/],
    ["60 * * * *", /minute: 60/],
    ["0 24 * * *", /hour: 24/],
    ["a b c d e", /illegal characters/],
    ["? 3 * * *", /"\?" is not supported/],
    ["0 0 30 2 *", /never fires/],
    ["0 0 31 2,4,6,9,11 *", /never fires/],
    ["*/0 * * * *", /./],
  ])("%s", (cron, message) => {
    expect(cronIssue(cron)).toMatch(message);
  });

  test.each(["* * * * *", "*/15 8-18 * * MON-FRI", "0 0 29 2 *", "0 6 L * *", "0 9 * * 1#2", "30 2 * * *"])("%s is fine", (cron) => {
    expect(cronIssue(cron)).toBeUndefined();
  });
});

test("zones are IANA names", () => {
  for (const zone of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"]) expect(isTimezone(zone)).toBe(true);
  for (const zone of ["Mars/Olympus", "+02:00", "", "Europe/Berlin; DROP", "Europe/Atlantis"]) expect(isTimezone(zone)).toBe(false);
});

describe("when the clocks change", () => {
  test("Berlin, spring: 2:30 does not exist and runs at 3:00", () => {
    expect(runs("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00Z", 3)).toEqual([
      "2026-03-28T02:30:00+01:00",
      "2026-03-29T03:00:00+02:00",
      "2026-03-30T02:30:00+02:00",
    ]);
  });

  test("Berlin, autumn: 2:30 comes twice and runs the first time only", () => {
    expect(runs("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2)).toEqual(["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]);
  });

  test("a list of times is about the wall clock too, and what falls together runs once", () => {
    expect(runs("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 3)).toEqual([
      "2026-03-29T03:00:00+02:00",
      "2026-03-29T03:30:00+02:00",
      "2026-03-30T02:00:00+02:00",
    ]);
  });

  test("an interval goes by time passed: neither a double nor a missing half hour", () => {
    const halfHour = 30 * 60_000;
    for (const from of ["2026-03-29T00:00Z", "2026-10-24T23:00Z"]) {
      const times = nextTimes({ cron: "*/30 * * * *", timezone: "Europe/Berlin" }, Date.parse(from), 10);
      expect(times).toEqual(times.map((_, index) => Date.parse(from) + (index + 1) * halfHour));
    }
  });

  test("New York, spring and autumn", () => {
    expect(runs("15 2 * * *", "America/New_York", "2026-03-08T05:00Z", 2)).toEqual(["2026-03-08T03:00:00-04:00", "2026-03-09T02:15:00-04:00"]);
    expect(runs("15 1 * * *", "America/New_York", "2026-11-01T04:30Z", 2)).toEqual(["2026-11-01T01:15:00-04:00", "2026-11-02T01:15:00-05:00"]);
  });

  test("Kolkata and Caracas have none: the same UTC minute each day of the year", () => {
    for (const [zone, minute] of [
      ["Asia/Kolkata", "21:00"],
      ["America/Caracas", "06:30"],
    ] as const) {
      const times = nextTimes({ cron: "30 2 * * *", timezone: zone }, Date.parse("2026-01-01T00:00Z"), 365);
      expect(new Set(times.map((at) => new Date(at).toISOString().slice(11, 16)))).toEqual(new Set([minute]));
    }
  });
});

describe("planned times between two ticks", () => {
  const minutely = { cron: "* * * * *", timezone: "UTC" };
  const start = Date.parse("2026-05-01T00:00Z");

  test("both ends belong to it", () => {
    expect(plannedBetween(minutely, start, start, 100)).toEqual({ times: [start], count: 1, more: false });
    expect(plannedBetween(minutely, start, start + 120_000, 2)).toEqual({ times: [start + 60_000, start + 120_000], count: 3, more: false });
  });

  test("a month away keeps the newest and stops counting", () => {
    const now = start + 30 * 86_400_000;
    const { times, more, count } = plannedBetween(minutely, start, now, 100);
    expect(more).toBe(true);
    expect(count).toBeGreaterThan(100);
    expect(times).toHaveLength(100);
    expect(times.at(-1)).toBe(now);
    expect(times).toEqual(nextTimes(minutely, times[0]! - 1000, 100));
  });
});

describe("the body of PUT", () => {
  const good = { type: "sync-orders", payload: { lastDays: 1 }, cron: "0 */3 * * *" };
  const paths = (input: unknown) => (v.safeParse(scheduleInput, input).issues ?? []).map((issue) => v.getDotPath(issue));

  test("fills in the defaults", () => {
    expect(v.parse(scheduleInput, good)).toEqual({ ...good, timezone: "UTC", misfire: "once", overlap: "skip", spreadSeconds: 0, enabled: true });
  });

  test("takes the time zone under its former name too", () => {
    expect(v.parse(scheduleInput, { ...good, zone: "Europe/Berlin" })).toEqual(v.parse(scheduleInput, { ...good, timezone: "Europe/Berlin" }));
  });

  test.each([
    [{ ...good, cron: "0 0 30 2 *" }, "cron"],
    [{ ...good, timezone: "Mars/Olympus" }, "timezone"],
    [{ ...good, zone: "Mars/Olympus" }, "zone"],
    [{ ...good, zones: "UTC" }, "zones"],
    [{ ...good, misfire: "twice" }, "misfire"],
    [{ ...good, overlap: "queue" }, "overlap"],
    [{ ...good, spreadSeconds: -1 }, "spreadSeconds"],
    [{ ...good, spreadSeconds: 1.5 }, "spreadSeconds"],
    [{ ...good, payload: [] }, "payload"],
    [{ ...good, payload: { text: "x".repeat(70_000) } }, "payload"],
    [{ ...good, type: "Sync Orders" }, "type"],
    [{ ...good, siteId: "shop-1", payload: { siteId: "shop-2" } }, "siteId"],
    [{ type: "email", payload: {} }, "cron"],
  ])("refuses a body, case %#", (input, path) => {
    expect(paths(input)).toEqual([path]);
  });
});

test("an issue of a body names the choices", () => {
  const body = { type: "email", payload: {}, cron: "0 0 * * *", misfire: "twice", overlap: "queue" };
  expect(v.safeParse(scheduleInput, body).issues?.map(({ message }) => message)).toEqual(["must be once, skip or all", "must be skip or allow"]);
});

describe("the public view", () => {
  const schedule: Schedule = {
    tenant: "acme",
    name: "nightly",
    type: "sync-orders",
    payload: { lastDays: 1 },
    siteId: "shop-1",
    cron: "30 2 * * *",
    timezone: "Europe/Berlin",
    misfire: "once",
    overlap: "skip",
    spreadSeconds: 0,
    enabled: true,
    createdAt: 0,
    updatedAt: 0,
    nextAt: Date.parse("2026-10-25T00:30Z"),
    last: null,
  };

  test("shows five next runs, in UTC and by the local clock, and not whose it is", async () => {
    const view = await scheduleView(schedule, Date.parse("2026-10-24T12:00Z"));
    expect(view.nextRuns).toHaveLength(5);
    expect(view.nextRuns.slice(0, 2)).toEqual([
      { at: "2026-10-25T00:30:00.000Z", local: "2026-10-25T02:30:00+02:00" },
      { at: "2026-10-26T01:30:00.000Z", local: "2026-10-26T02:30:00+01:00" },
    ]);
    expect(view).toMatchObject({ timezone: "Europe/Berlin", zone: "Europe/Berlin" });
    expect(view).not.toHaveProperty("tenant");
    expect((await scheduleView({ ...schedule, nextAt: null }, 0)).nextRuns).toEqual([]);
  });

  test("what is overdue comes first, what was missed between does not come", async () => {
    const view = await scheduleView(schedule, Date.parse("2026-10-28T12:00Z"));
    expect(view.nextRuns.map(({ at }) => at.slice(0, 10))).toEqual(["2026-10-25", "2026-10-29", "2026-10-30", "2026-10-31", "2026-11-01"]);
  });

  test("with a spread they are the times at which jobs run, one that is enqueued already among them", async () => {
    const spread = { ...schedule, spreadSeconds: 3600 };
    const delay = spreadOf(spread) * 1000;
    expect(delay).toBeGreaterThan(0);
    const at = async (text: string, last: Schedule["last"] = null) =>
      (await scheduleView({ ...spread, last }, Date.parse(text))).nextRuns.map((run) => Date.parse(run.at));
    expect((await at("2026-10-24T12:00Z"))[0]).toBe(schedule.nextAt! + delay);
    const plannedAt = Date.parse("2026-10-24T00:30Z");
    const ran = { plannedAt, outcome: "ran", note: "", jobId: "j" } as const;
    expect((await at("2026-10-24T00:30Z", ran)).slice(0, 2)).toEqual([plannedAt + delay, schedule.nextAt! + delay]);
    expect((await at("2026-10-24T12:00Z", ran))[0]).toBe(schedule.nextAt! + delay);
  });

  test("the site goes into the payload where that names none", () => {
    expect(schedulePayload(schedule)).toEqual({ lastDays: 1, siteId: "shop-1" });
    expect(schedulePayload({ payload: { siteId: "shop-1" }, siteId: "shop-1" })).toEqual({ siteId: "shop-1" });
    expect(schedulePayload({ payload: { to: "x" }, siteId: null })).toEqual({ to: "x" });
  });
});
