import { expect, test } from "vitest";
import { planned, run } from "../../scripts/chaos/run.ts";
import { shrink } from "../../scripts/chaos/shrink.ts";

/** A short schedule in which a queue refuses what is sent, among other faults. */
const [seed, jobs] = [18, 400];

test("npm run chaos finds a Worker that takes refused sends for sent, and shrinks the schedule to the queue's refusals", async () => {
  const { faults } = planned({ seed, jobs });
  const refusals = faults.flatMap((fault, index) => (fault.is === "binding" && fault.switches.queue === "down" ? [index] : []));
  const [refusal] = refusals as [number];
  const others = faults.flatMap((fault, index) => (fault.is === "provider" ? [index] : [])).slice(0, 2);
  const options = { seed, jobs, only: [refusal, ...others].toSorted((one, other) => one - other), mutant: "swallows-refusals", say: () => undefined };
  const first = await run(options);
  expect(first.verdict.wrong).toContainEqual(expect.stringMatching(/accepted and lost/));
  const { faults: kept, ran } = await shrink(options, first);
  expect(kept).toEqual([refusal]);
  expect(ran.verdict.wrong).not.toEqual([]);
});
