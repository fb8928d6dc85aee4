import { expect, test } from "vitest";
import { scheduleText } from "../../scripts/chaos/print.ts";
import { run } from "../../scripts/chaos/run.ts";

test.each([1, 2])("npm run chaos, seed %i: nothing is lost, nothing is done twice, all of it ends", async (seed) => {
  const { schedule, verdict, evidence } = await run({ seed, jobs: 300, say: () => undefined });
  expect(evidence.sending.posted.length).toBeGreaterThanOrEqual(300);
  expect(verdict.wrong, scheduleText({ schedule })).toEqual([]);
});
