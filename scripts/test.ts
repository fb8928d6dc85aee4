// npm test [-- FILES]: types, lint, format, bindings, then the tests (or those of FILES). npm run test:all: the long suites (test/long) too. With CI=true a missing program fails instead of skipping its part.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "./check/command.ts";
import { findProgram, hasTests, parts, type Part } from "./check/programs.ts";
import { check } from "./check/steps.ts";
import { asLine, sum, tally, type Tally } from "./check/tally.ts";

const root = resolve(import.meta.dirname, "..");
const mustHave = ["true", "1"].includes(process.env["CI"] ?? "");

const failedSteps = await check(root);
const missing = parts.filter((part) => hasTests(root, part) && findProgram(part, process.env) === null);
const words = process.argv.slice(2);
const tests = await runTests(
  missing,
  words.filter((word) => word !== "--all"),
  words.includes("--all"),
);
for (const part of missing) console.log(`${mustHave ? "FAILED" : "skipped"}  ${part.name}: ${part.program} is not on this machine`);
const total: Tally = {
  passed: tests.passed,
  failed: tests.failed + failedSteps + (mustHave ? missing.length : 0),
  skipped: tests.skipped + (mustHave ? 0 : missing.length),
};
console.log(asLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

/** The stories first, then what runs inside the runtime: the two would take the cores from each other. */
async function runTests(without: readonly Part[], files: readonly string[], all: boolean): Promise<Tally> {
  const words = [...without.map((part) => `--exclude=${part.folder}/**`), ...files];
  const stories = await runProject("node", words);
  const inside = await runProject("worker", words);
  return sum([stories, inside, ...(all ? [await runProject("long", words)] : [])]);
}

async function runProject(project: string, words: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-test-"));
  const report = join(folder, "report.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const usual = ["run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, "--passWithNoTests"];
  const { ok, output } = await run([process.execPath, vitest, ...usual, ...words], { cwd: root, env: environment(), shown: true, atMost: 1800 });
  if (output) console.log(output);
  const counted = tally(existsSync(report) ? readFileSync(report, "utf8") : null, ok);
  rmSync(folder, { recursive: true, force: true });
  return counted;
}

function environment(): NodeJS.ProcessEnv {
  const found = parts.map((part) => [part.variable, findProgram(part, process.env)] as const);
  const told = Object.fromEntries(found.filter((each): each is [string, string] => each[1] !== null));
  return { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", ...told };
}
