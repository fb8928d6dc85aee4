import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { emptyLedger } from "../../support/invariants";
import { days, liveThrough } from "../../support/live";
import { createModel, skipPauses } from "../../support/model";
import type { Mutant } from "../../support/mutant";
import { mutants } from "../../support/mutants";
import { type Step, steps } from "../../support/steps";

beforeAll(skipPauses);
afterAll(() => void vi.unstubAllGlobals());

test.for(days)("many sequences of a %s day", { timeout: 7_200_000 }, async (day) => {
  expect(await liveThrough(day, 60)).toBeGreaterThanOrEqual(60);
});

test("random sequences, too, catch most mutants", async () => {
  const seed = 379710131;
  const missed: string[] = [];
  for (const mutant of mutants) if (!(await isCaught(mutant, seed))) missed.push(mutant.name);
  console.log(`seed ${seed}; not caught within 20 sequences: ${missed.join("; ") || "none"}`);
  expect(missed.length, missed.join("; ")).toBeLessThanOrEqual(mutants.length / 4);
});

async function isCaught(mutant: Mutant, seed: number): Promise<boolean> {
  for (const sequence of fc.sample(steps("stormy"), { seed, numRuns: 20 })) if (await catches(mutant, sequence)) return true;
  return false;
}

/** Whether anything is wrong with a sequence that the mutant lives through. */
async function catches(mutant: Mutant, sequence: readonly Step[]): Promise<boolean> {
  await emptyLedger();
  const world = createModel(mutant);
  for (const each of sequence) {
    await world.step(each);
    if (world.wrong().length > 0) return true;
  }
  await world.heal(60);
  return world.wrong().length > 0;
}
