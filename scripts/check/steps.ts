import { join } from "node:path";
import { quietWrangler, wranglerCli } from "../start/wrangler.ts";
import { run } from "./command.ts";

interface Step {
  name: string;
  command: readonly string[];
  /** What to do about a failure, where that is not plain. */
  advice?: string;
}

/** Each checker looks at shared types anew: four of them, the default, take a third more time of the processor than two. */
const checkers = ["--checkers", "2"];

/** All checks of the code that do not run it. */
function steps(root: string): Step[] {
  const bin = (name: string): string => join(root, "node_modules", ".bin", name);
  return [
    { name: "types of the Worker and its tests", command: [bin("tsc"), "-p", "tsconfig.json", "--pretty", "false", ...checkers] },
    { name: "types of the scripts and the tests on Node", command: [bin("tsc"), "-p", "tsconfig.node.json", "--pretty", "false", ...checkers] },
    { name: "lint", command: [bin("oxlint"), "--deny-warnings"] },
    { name: "format", command: [bin("oxfmt"), "--check"], advice: "Run: npm run format" },
    {
      name: "the pages' script and style as their sources",
      command: [process.execPath, join(root, "scripts/assets.ts"), "--check"],
      advice: "Run: npm run assets",
    },
    {
      name: "bindings as in wrangler.toml",
      command: [process.execPath, wranglerCli(root), "types", "--include-runtime=false", "--check", "src/bindings.d.ts"],
      advice: "Run: npm run types",
    },
  ];
}

/** Runs all steps side by side, since types take most of the time; prints how each of them went. @returns How many failed. */
export async function check(root: string): Promise<number> {
  let failed = 0;
  const env = { ...quietWrangler(join(root, ".wrangler", "check")), CI: "1" };
  const running = steps(root).map((step) => ({ ...step, result: run(step.command, { cwd: root, env, atMost: 1200 }) }));
  for (const { name, advice, result } of running) {
    const { ok, output, seconds } = await result;
    console.log(`${ok ? "ok    " : "FAILED"}  ${name} (${seconds.toFixed(1)} s)`);
    if (ok) continue;
    failed++;
    console.log([output, advice].filter(Boolean).join("\n"));
  }
  return failed;
}
