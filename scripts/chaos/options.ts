import { parseArgs } from "node:util";
import { wholeNumber } from "../usage.ts";

export interface Options {
  /** Of the first run; each further one has the next. */
  seed: number;
  /** Of one run. */
  jobs: number;
  /** Runs follow each other until so many minutes have passed; 0: one run. */
  minutes: number;
  /** Faults of the seed's schedule that happen, by their number; undefined: all. */
  only: readonly number[] | undefined;
  /** Leaves out faults as long as the run still fails. */
  shrink: boolean;
  /** A fault that is planted into the Worker; undefined: none. */
  mutant: string | undefined;
  /** The commit that stands for the release before; undefined: this one, without packs. */
  older: string | undefined;
  /** Where each run's line is added to; undefined: nowhere. */
  out: string | undefined;
}

/** Throws with a sentence for the caller when a word is wrong. */
export function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      jobs: { type: "string", default: "1000" },
      minutes: { type: "string", default: "0" },
      only: { type: "string" },
      shrink: { type: "boolean", default: false },
      mutant: { type: "string" },
      older: { type: "string" },
      out: { type: "string" },
    },
  });
  const only = values.only?.split(",").map((each) => wholeNumber("--only", each, 0, 10_000));
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : wholeNumber("--seed", values.seed, 0, 2 ** 31),
    jobs: wholeNumber("--jobs", values.jobs, 50, 100_000),
    minutes: wholeNumber("--minutes", values.minutes, 0, 1440),
    only,
    shrink: values.shrink,
    mutant: values.mutant,
    older: values.older,
    out: values.out,
  };
}
