import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { days, liveThrough } from "../support/live";
import { emptyLedger } from "../support/invariants";
import { createModel, skipPauses } from "../support/model";

beforeAll(skipPauses);
afterAll(() => void vi.unstubAllGlobals());

test.for(days)(
  "on a %s day no accepted job is lost, none runs twice at a time, no open one is without a message or a wake-up",
  { timeout: 7_200_000 },
  async (day) => {
    expect(await liveThrough(day, 12)).toBeGreaterThanOrEqual(12);
  },
);

test("a run that lost its job to a copy of its own message acknowledges nothing", async () => {
  await emptyLedger();
  const world = createModel();
  const job = { key: null, script: [], strict: false, delay: 0, late: false, dies: null } as const;
  await world.step({ do: "enqueue", ...job, script: [] });
  await world.step({ do: "duplicate", which: 0 });
  for (let runs = 0; runs < 2; runs++) await world.step({ do: "overtake", which: 0, when: "before" });
  await world.heal();
  expect(world.wrong()).toEqual([]);
});
