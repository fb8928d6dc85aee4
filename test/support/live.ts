import fc from "fast-check";
import { expect } from "vitest";
import { broken, emptyLedger, unfinished } from "./invariants";
import { createModel } from "./model";
import { seed } from "./seed";
import { type Step, steps } from "./steps";

/**
 * VITE_INTERLEAVINGS=2000 takes so many sequences of each kind of day, VITE_SEED=… others. A failure prints its seed and path at once;
 * VITE_SEED=… VITE_FAILURE=… repeats it and looks for the shortest way there.
 */
const { env: settings } = import.meta as unknown as { env: { VITE_INTERLEAVINGS?: string; VITE_FAILURE?: string } };

export const days = ["calm", "stormy"] as const;

/** Plays so many sequences of such a day, drawn by the seed, and holds each against what must always hold. Returns how many were played. */
export async function liveThrough(day: (typeof days)[number], sequences: number): Promise<number> {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(steps(day), async (sequence) => {
      await live(sequence);
      played++;
    }),
    {
      seed,
      numRuns: Number(settings.VITE_INTERLEAVINGS ?? sequences),
      ...(settings.VITE_FAILURE === undefined ? { endOnFailure: true } : { path: settings.VITE_FAILURE }),
    },
  );
  return played;
}

async function live(sequence: readonly Step[]): Promise<void> {
  await emptyLedger();
  const world = createModel();
  for (const [index, each] of sequence.entries()) {
    await world.step(each);
    expect(await broken(world, each), `after step ${index}, ${each.do}`).toEqual([]);
  }
  await world.heal();
  expect(await broken(world, null), "after healing").toEqual([]);
  expect(await unfinished(world), "at the end").toEqual([]);
}
