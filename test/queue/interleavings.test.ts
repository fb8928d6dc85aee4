import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { days, liveThrough, minSequences } from "../support/live";
import { skipPauses } from "../support/model";

beforeAll(skipPauses);
afterAll(() => void vi.unstubAllGlobals());

test.for(days)(
  "on a %s day no accepted job is lost, none runs twice at a time, none is without somebody who looks after it",
  { timeout: 7_200_000 },
  async (day) => {
    expect(await liveThrough(day, 6)).toBeGreaterThanOrEqual(minSequences);
  },
);
