// npm run chaos [-- --seed N] [--jobs N] [--minutes N] [--only N,N] [--shrink] [--mutant NAME] [--older COMMIT] [--out FILE]: posts N jobs (1000) of every type to the real Worker while things fail by the seed's schedule, and holds what came of it against what must hold. Prints seed, schedule and verdict; exit 1 with a counter-example. --minutes runs one seed after the other for so long; --only lets only those faults of the schedule happen; --shrink leaves out faults while the run still fails; --mutant plants a fault into the Worker (scripts/chaos/inside/mutants.ts) to see it found; --older takes the release before from a commit.
import { appendFileSync } from "node:fs";
import { optionsFrom } from "./chaos/options.ts";
import { figuresOf, scheduleText, verdictText } from "./chaos/print.ts";
import { planned, run } from "./chaos/run.ts";
import { exampleText, shrink } from "./chaos/shrink.ts";
import { readWords } from "./usage.ts";

const options = readWords(() => optionsFrom(process.argv.slice(2)));
const until = performance.now() + options.minutes * 60_000;
const say = (line: string) => console.error(`… ${line}`);
let failed = 0;
let runs = 0;
do {
  const seed = options.seed + runs++;
  const wanted = { seed, jobs: options.jobs, only: options.only, mutant: options.mutant, older: options.older, say };
  console.log(scheduleText({ schedule: planned(wanted) }));
  const ran = await run(wanted);
  console.log(verdictText(ran));
  const { wrong, doubts } = ran.verdict;
  if (options.out) appendFileSync(options.out, `${JSON.stringify({ ...figuresOf(ran), wrong, doubts: doubts.length })}\n`);
  if (wrong.length === 0) continue;
  failed++;
  console.log(`  repeat: npm run chaos -- --seed ${seed} --jobs ${options.jobs}`);
  if (options.shrink) console.log(exampleText(wanted, await shrink(wanted, ran)));
} while (performance.now() < until);
console.log(`${runs} runs of ${options.jobs} jobs, ${failed} broken.`);
process.exitCode = failed > 0 ? 1 : 0;
