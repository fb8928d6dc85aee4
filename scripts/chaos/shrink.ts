import { planned, type Ran, run, type RunOptions } from "./run.ts";

/** A run that fails, and the faults that it takes. */
export interface Example {
  /** By their number in the schedule. */
  faults: readonly number[];
  ran: Ran;
}

/** Leaves out halves, then quarters, then single faults, as long as the run still fails. */
export async function shrink(options: RunOptions, first: Ran, runOnce: typeof run = run): Promise<Example> {
  const all = planned({ ...options, only: undefined }).faults.map((_, index) => index);
  let kept = options.only ? [...options.only] : all;
  let example = first;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length;) {
      const fewer = kept.toSpliced(from, size);
      options.say(`shrinking: without ${kept.slice(from, from + size).join(", ")}`);
      const ran = await runOnce({ ...options, only: fewer });
      if (ran.verdict.wrong.length === 0) from += size;
      else [kept, example] = [fewer, ran];
    }
  }
  return { faults: kept, ran: example };
}

/** The example, and how to see it again. */
export function exampleText({ seed, jobs, mutant }: RunOptions, { faults, ran }: Example): string {
  const options = `--seed ${seed} --jobs ${jobs} --only ${faults.join(",")}${mutant === undefined ? "" : ` --mutant ${mutant}`}`;
  return [`  shrunk to: npm run chaos -- ${options}`, ...ran.verdict.wrong.slice(0, 5).map((each) => `    ${each}`)].join("\n");
}
