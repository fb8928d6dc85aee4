import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { broken, emptyLedger, unfinished } from "../support/invariants";
import { createWorld, skipPauses, type Step } from "../support/model";
import { endings } from "../support/script";

/**
 * More runs for a night: VITE_INTERLEAVINGS=2000. A failure prints its seed and path at once; VITE_SEED=… VITE_FAILURE=… repeats it
 * and looks for the shortest way there, which may take longer than a run of all tests has.
 */
const { env: settings } = import.meta as unknown as { env: { VITE_INTERLEAVINGS?: string; VITE_SEED?: string; VITE_FAILURE?: string } };

const which = fc.nat({ max: 7 });
const never = fc.constant(null);
const seldom = fc.oneof({ weight: 4, arbitrary: never }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) });
const scope = fc.constantFrom("queue", "type", "tenant" as const);

/** What may happen on a good day (messages may be lost or doubled, and the same job called for twice), and on a bad one. */
function steps(day: "calm" | "stormy"): fc.Arbitrary<Step[]> {
  const dies = day === "calm" ? never : seldom;
  const calm: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("enqueue" as const),
        key: fc.oneof({ weight: 2, arbitrary: never }, { weight: 1, arbitrary: fc.nat({ max: 1 }) }),
        script: fc.array(fc.constantFrom(...endings, "again", "retry"), { maxLength: 4, size: "max" }),
        strict: fc.boolean(),
        delay: fc.constantFrom(0, 0, 0, 30, 600, 3600),
        late: fc.boolean(),
        dies,
      }),
    },
    { weight: 9, arbitrary: fc.record({ do: fc.constant("deliver" as const), pick: fc.constantFrom(255, 255, 1, 2, 85, 170), split: fc.boolean(), dies }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("duplicate", "duplicate", "lose", "cancel" as const), which }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("retry-now" as const), which, dies }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("send" as const), is: fc.constantFrom("up", "down" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("pause", "lift" as const), scope }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("late-rows" as const) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1000, 20_000, 60_000, 200_000, 660_000, 3_600_000) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("tick" as const), dies }) },
  ];
  const stormy: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom("deliver-slowly", "overtake" as const), which, when: fc.constantFrom("before", "after" as const) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("go-on" as const), which, dies }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("ledger" as const), is: fc.constantFrom("up", "up", "up", "down", "mute" as const) }) },
  ];
  return fc.array(fc.oneof(...calm, ...(day === "calm" ? [] : stormy)), { minLength: 4, maxLength: 40, size: "max" });
}

beforeAll(skipPauses);
afterAll(() => void vi.unstubAllGlobals());

test.for(["calm", "stormy"] as const)(
  "on a %s day no accepted job is lost, none runs twice at a time, none is without somebody who looks after it",
  { timeout: 7_200_000 },
  async (day) => {
    await fc.assert(fc.asyncProperty(steps(day), live), {
      numRuns: Number(settings.VITE_INTERLEAVINGS ?? 20),
      ...(settings.VITE_SEED === undefined ? { endOnFailure: true } : { seed: Number(settings.VITE_SEED) }),
      ...(settings.VITE_FAILURE === undefined ? {} : { path: settings.VITE_FAILURE }),
    });
  },
);

async function live(steps: readonly Step[]): Promise<void> {
  await emptyLedger();
  const world = createWorld();
  const seen = new Map();
  for (const [index, each] of steps.entries()) {
    await world.step(each);
    expect(await broken(world, each, seen), `after step ${index}, ${each.do}`).toEqual([]);
  }
  await world.heal();
  expect(await broken(world, null, seen), "after healing").toEqual([]);
  expect(await unfinished(world), "at the end").toEqual([]);
}
