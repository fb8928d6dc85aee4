import { expect, test } from "vitest";
import { run } from "../../scripts/chaos/run.ts";
import type { Fault } from "../../scripts/chaos/schedule.ts";

test("npm run chaos finds a Worker that runs what another run holds, by messages that come twice", async () => {
  // Each message twice, both copies in batches that are consumed at once, and Slack so slow that the second one meets a run under way: of twelve posts one is enough.
  const faults: Fault[] = [
    { at: 0, is: "binding", for: 20_000, switches: { twice: true } },
    { at: 0, is: "provider", for: 20_000, spec: { provider: "slack", delayMs: 1500 } },
  ];
  const { verdict } = await run({ seed: 26, jobs: 400, faults, mutant: "runs-held-jobs", say: () => undefined });
  expect(verdict.wrong).toContainEqual(expect.stringMatching(/was delivered 2 times|jobs posted \d+ messages to Slack/));
});
