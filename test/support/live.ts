import fc from "fast-check";
import { expect } from "vitest";
import { broken, emptyLedger, unfinished } from "./invariants";
import { createModel } from "./model";
import { type Step, steps } from "./steps";

/**
 * VITE_INTERLEAVINGS=2000 takes so many sequences of each kind of day, however long that takes. A failure prints its seed and path at once;
 * VITE_SEED=… VITE_FAILURE=… repeats it and looks for the shortest way there.
 */
const { env: settings } = import.meta as unknown as { env: { VITE_INTERLEAVINGS?: string; VITE_SEED?: string; VITE_FAILURE?: string } };

/** So many are played however slow the machine is. */
export const minSequences = 10;

export const days = ["calm", "stormy"] as const;

/** Plays random sequences of such a day until the time is over, and holds each against what must always hold. Prints the seed; returns how many there were. */
export async function liveThrough(day: (typeof days)[number], maxSeconds: number): Promise<number> {
  const seed = Number(settings.VITE_SEED ?? Date.now() % 2 ** 31);
  const chosen = settings.VITE_INTERLEAVINGS ?? settings.VITE_FAILURE;
  const until = chosen === undefined ? Date.now() + maxSeconds * 1000 : Infinity;
  let played = 0;
  const property = fc.asyncProperty(steps(day), async (sequence) => {
    if (played >= minSequences && Date.now() >= until) return;
    await live(sequence);
    played++;
  });
  await fc.assert(property, {
    seed,
    numRuns: Number(settings.VITE_INTERLEAVINGS ?? 5000),
    ...(settings.VITE_FAILURE === undefined ? { endOnFailure: true } : { path: settings.VITE_FAILURE }),
  });
  console.log(`${played} sequences of a ${day} day, seed ${seed}`);
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
