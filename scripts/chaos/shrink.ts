import { planned, type Ran, run, type RunOptions } from "./run.ts";

/** Leaves out halves, then quarters, then single faults, as long as the run still fails; what is left is the counter-example. */
export async function shrink(options: RunOptions, first: Ran): Promise<string> {
  const all = planned({ ...options, only: undefined }).faults.map((_, index) => index);
  let kept = options.only ? [...options.only] : all;
  let example = first;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length;) {
      const fewer = kept.toSpliced(from, size);
      options.say(`shrinking: without ${kept.slice(from, from + size).join(", ")}`);
      const ran = await run({ ...options, only: fewer });
      if (ran.verdict.wrong.length === 0) from += size;
      else [kept, example] = [fewer, ran];
    }
  }
  const { wrong } = example.verdict;
  return [
    `  shrunk to: npm run chaos -- --seed ${options.seed} --jobs ${options.jobs} --only ${kept.join(",")}`,
    ...wrong.slice(0, 5).map((each) => `    ${each}`),
  ].join("\n");
}
