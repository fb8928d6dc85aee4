import { describe, expect, test } from "vitest";
import { createReportsOn } from "../../../src/app/reports";
import { noon } from "../../support/rows";
import { minute, world, partsOn, reports } from "./world";

describe("the limit of D1's free plan for a day", () => {
  const text = (what: string) => `D1_ERROR: Your account has exceeded D1's free tier daily row ${what} limit. Upgrade to a paid plan or wait until tomorrow`;
  const refusing = (message: string) => ({ prepare: () => ({ bind: () => ({ all: () => Promise.reject(new Error(message)) }) }) }) as unknown as D1Database;

  test("that is used up for writes is one finding, until when", async () => {
    world.spent = { limit: "write", since: noon - 20 * minute, seen: noon - minute };
    const found = (await reports.findings(null)).filter(({ code }) => code === "d1-day-limit");
    expect(found).toMatchObject([
      { severity: "critical", subject: "d1", tenant: "*", since: noon - 20 * minute, sentence: expect.stringContaining("T00:00:00Z") },
    ]);
  });

  test("is no finding any more when no refusal was seen for ten minutes", async () => {
    world.spent = { limit: "write", since: noon - 60 * minute, seen: noon - 11 * minute };
    expect((await reports.findings(null)).filter(({ code }) => code === "d1-day-limit")).toEqual([]);
  });

  test("that is used up for reads is the only finding; another failure of D1 stays a failure", async () => {
    const unreadable = createReportsOn(partsOn(refusing(text("read"))));
    expect(await unreadable.findings(null)).toMatchObject([{ code: "d1-day-limit", sentence: expect.stringContaining("read in a day") }]);
    await expect(createReportsOn(partsOn(refusing("D1_ERROR: D1 is down"))).findings(null)).rejects.toThrow("D1 is down");
  });
});
