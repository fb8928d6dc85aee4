import { afterAll, beforeAll, expect, test } from "vitest";
import type { Api } from "../way/support/api.ts";
import { startWay, type Way } from "../way/support/harness.ts";
import { untilAllEnded } from "../way/support/until.ts";

/** Stories in their order: the Worker's clock only goes forward. */
let way: Way;
let shop: Api;

const hour = 3_600_000;
const plain = (to: string) => ({ to, subject: "Hello", text: "Hello" });
const mailsTo = (to: string) => way.sandbox.mails(`?to=${encodeURIComponent(to)}&limit=10000`);
const jobsOf = (schedule: string) => way.rows<{ at: number }>("SELECT at FROM jobs WHERE tenant = 'shop' AND payload LIKE ? ORDER BY at", `%${schedule}@%`);

/** When the jobs of a schedule were made, to the minute. */
async function timesOf(schedule: string): Promise<string[]> {
  return (await jobsOf(schedule)).map(({ at }) => new Date(at).toISOString().slice(0, 16));
}

async function schedule(name: string, cron: string, more: object = {}): Promise<void> {
  const body = { type: "email", payload: plain(`${name}@time.example`), cron, zone: "Europe/Berlin", overlap: "allow", ...more };
  expect((await shop.ask("PUT", `/v1/schedules/${name}`, { body })).status).toBe(201);
}

/** Ticks each half hour of the night, when clocks change, and once more a day. */
async function passes(from: string, days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    const night = Date.parse(from) + day * 24 * hour;
    for (const time of [0, 0.5, 1, 1.5, 2, 23.5]) await way.tickTo(night + time * hour);
  }
}

beforeAll(async () => {
  way = await startWay();
  shop = await way.tenant("shop");
});
afterAll(() => way?.close());

test("the clocks go forward: half past two comes once, at three", async () => {
  await way.tickTo(Date.parse("2027-03-26T12:00:00Z"));
  await schedule("spring", "30 2 * * *");
  await passes("2027-03-27T00:00:00Z", 3);
  expect(await timesOf("spring")).toEqual(["2027-03-27T01:30", "2027-03-28T01:00", "2027-03-29T00:30"]);
  await shop.ask("DELETE", "/v1/schedules/spring");
});

test("the clocks go back: half past two comes once, an hourly schedule runs in both hours", async () => {
  await way.tickTo(Date.parse("2027-10-29T12:00:00Z"));
  await schedule("autumn", "30 2 * * *");
  await schedule("hourly", "0 * * * *", { misfire: "all" });
  await passes("2027-10-30T00:00:00Z", 3);
  expect(await timesOf("autumn")).toEqual(["2027-10-30T00:30", "2027-10-31T00:30", "2027-11-01T01:30"]);
  // From Friday noon in Berlin to Monday half past midnight there are 83 full hours on the clock and one more.
  expect(await timesOf("hourly")).toHaveLength(83);
  for (const name of ["autumn", "hourly"]) await shop.ask("DELETE", `/v1/schedules/${name}`);
});

test("missed ticks are made up for as the schedule says; doubled and overlapping ones change nothing", async () => {
  const start = Date.parse("2027-12-01T00:00:00Z");
  await way.tickTo(start);
  await schedule("once", "0 * * * *", { misfire: "once" });
  await schedule("all", "0 * * * *", { misfire: "all" });
  await schedule("skip", "0 * * * *", { misfire: "skip" });
  await way.tickTo(start + 5 * hour + 10 * 60_000);
  await Promise.all(Array.from({ length: 5 }, () => way.tickAt(start + 5 * hour + 10 * 60_000)));
  await way.tickAt(start + 2 * hour);
  expect([await jobsOf("once"), await jobsOf("all"), await jobsOf("skip")].map((jobs) => jobs.length)).toEqual([1, 5, 0]);
  await way.tickTo(start + 6 * hour);
  await way.tickAt(start + 6 * hour);
  expect([await jobsOf("once"), await jobsOf("all"), await jobsOf("skip")].map((jobs) => jobs.length)).toEqual([2, 6, 1]);
  await untilAllEnded(way, "shop");
  expect(await mailsTo("all@time.example")).toHaveLength(6);
});
