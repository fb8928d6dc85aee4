// npm test [-- FILES]: types, lint, format, bindings, then the tests (or those of FILES). npm run test:all: the long suites (test/long) too. With CI=true a missing program fails instead of skipping its part.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { run } from "./check/command.ts";
import { findProgram, hasTests, parts, type Part } from "./check/programs.ts";
import { check } from "./check/steps.ts";
import { asLine, failedTests, sum, tally, testedFiles, type FailedTest, type Tally } from "./check/tally.ts";

const root = resolve(import.meta.dirname, "..");
const mustHave = ["true", "1"].includes(process.env["CI"] ?? "");

const failedSteps = await check(root);
const missing = parts.filter((part) => hasTests(root, part) && findProgram(part, process.env) === null);
const words = process.argv.slice(2);
const files = words.filter((word) => word !== "--all");
const tests = await runTests(missing, files, words.includes("--all"));
const isSkipped = missing.some(({ folders }) => files.some((word) => folders.some((folder) => word.startsWith(folder))));
const hasNone = !isSkipped && files.some((word) => !word.startsWith("-")) && tests.passed + tests.failed + tests.skipped === 0;
if (hasNone) console.log(`FAILED  no test file has ${files.join(" or ")} in its path`);
for (const part of missing) console.log(`${mustHave ? "FAILED" : "skipped"}  ${part.name}: ${part.program} is not on this machine`);
const total: Tally = {
  passed: tests.passed,
  failed: tests.failed + failedSteps + (hasNone ? 1 : 0) + (mustHave ? missing.length : 0),
  skipped: tests.skipped + (mustHave ? 0 : missing.length),
};
console.log(asLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

interface ProjectRun {
  counted: Tally;
  failed: FailedTest[];
  /** Absolute paths of the files that ran. */
  files: string[];
}

/** All in one run of vitest, the stories first (`vitest.config.ts`): what runs inside the runtime takes the cores that the last stories leave. */
async function runTests(without: readonly Part[], files: readonly string[], all: boolean): Promise<Tally> {
  const excluded = without.flatMap(({ folders }) => folders.map((folder) => `--exclude=${folder}/**`));
  const runs = [await repeated("node", await runProjects(["node", "worker"], [...excluded, ...files]))];
  // These projects have long tests alone, some of them at full size from other folders.
  const long = [...excluded, ...files.filter((word) => word !== "test/long")];
  if (all) runs.push(await repeated("long*", await runProjects(["long*"], long)));
  for (const { file, name, error } of runs.flatMap((each) => each.failed)) console.log(`FAILED  ${relative(root, file)}${name && ` > ${name}`}: ${error}`);
  return sum(runs.map((each) => each.counted));
}

/**
 * Stories drive whole processes and depend on how busy the machine is. Files of that project with a failure are run once more, one at a time, with
 * nothing beside them; what passes then is printed as unsteady and counts as passed. Failures of other projects stand.
 */
async function repeated(project: string, first: ProjectRun): Promise<ProjectRun> {
  const files = [...new Set(first.failed.map((each) => each.file))];
  // More files than this are no accident.
  if (files.length === 0 || files.length > 4) return first;
  const again = await runProjects([project], ["--maxWorkers=1", ...files.map((file) => relative(root, file))]);
  const still = new Set(again.failed.map((each) => `${each.file} ${each.name}`));
  const isMended = (each: FailedTest) => again.files.includes(each.file) && again.counted.passed > 0 && !still.has(`${each.file} ${each.name}`);
  const unsteady = first.failed.filter(isMended);
  for (const { file, name, error } of unsteady) console.log(`UNSTEADY  ${relative(root, file)}${name && ` > ${name}`} passed when run again: ${error}`);
  const failed = [...first.failed.filter((each) => !again.files.includes(each.file)), ...again.failed];
  const { passed, skipped } = first.counted;
  const count = Math.max(failed.length, again.counted.failed);
  return { counted: { passed: passed + Math.max(0, first.counted.failed - count), failed: count, skipped }, failed, files: first.files };
}

async function runProjects(projects: readonly string[], words: readonly string[]): Promise<ProjectRun> {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-test-"));
  const report = join(folder, "report.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const usual = [
    "run",
    ...projects.map((project) => `--project=${project}`),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    "--passWithNoTests",
  ];
  const { ok, output } = await run([process.execPath, vitest, ...usual, ...words], { cwd: root, env: environment(), shown: true, atMost: 7200 });
  if (output) console.log(output);
  const text = existsSync(report) ? readFileSync(report, "utf8") : null;
  rmSync(folder, { recursive: true, force: true });
  return { counted: tally(text, ok), failed: failedTests(text), files: testedFiles(text) };
}

function environment(): NodeJS.ProcessEnv {
  const found = parts.map((part) => [part.variable, findProgram(part, process.env)] as const);
  const paths = Object.fromEntries(found.filter((each): each is [string, string] => each[1] !== null));
  return { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", ...paths };
}
