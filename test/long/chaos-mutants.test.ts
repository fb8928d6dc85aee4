import { expect, test } from "vitest";
import { planned, run } from "../../scripts/chaos/run.ts";

test("npm run chaos finds a Worker that runs what another run holds, by messages that come twice", async () => {
  const [seed, jobs] = [26, 400];
  const only = planned({ seed, jobs }).faults.flatMap((fault, index) => (fault.is === "binding" && fault.switches.twice ? [index] : []));
  expect(only).toHaveLength(1);
  const { verdict } = await run({ seed, jobs, only, mutant: "runs-held-jobs", say: () => undefined });
  expect(verdict.wrong).toContainEqual(expect.stringMatching(/was delivered 2 times|jobs posted \d+ messages to Slack/));
}, 300_000);
