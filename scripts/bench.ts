// npm run bench [-- --quick] [--only PART,PART] [--profile] [--out FOLDER]: measures side by side, prints the figures with their goals, and writes docs/benchmarks.md and benchmarks.json there. --quick takes small samples and writes only with --out; --profile is --only profile: where the processor's time goes.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findRedis, startBull } from "./bench/bull.ts";
import { commitOf, readMachine } from "./bench/machine.ts";
import { partNames, parts } from "./bench/parts.ts";
import { asJson, asMarkdown, asText, notMeasured, type Section } from "./bench/report.ts";
import { Workbench } from "./bench/worker.ts";
import { readWords } from "./usage.ts";

const root = resolve(import.meta.dirname, "..");
const { quick, only, out } = readWords(read);
const bench = new Workbench((line) => console.error(line));
let ended: Promise<void> | undefined;
const end = () => (ended ??= bench.end());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void end().then(() => process.exit(130)));
const orphaned = () => void end().then(() => process.exit(1));
process.once("disconnect", orphaned);
try {
  await measure();
} finally {
  await end();
}
process.off("disconnect", orphaned);
if (process.connected) process.disconnect();

async function measure(): Promise<void> {
  const machine = readMachine(root, findRedis());
  const at = new Date().toISOString();
  const run = { bench, bull: await startBull(bench), quick, say: (line: string) => console.error(`… ${line}`) };
  const sections: Section[] = [];
  for (const name of only) {
    const section = await parts[name](run).catch((cause: unknown) => failed(name, cause));
    sections.push(section);
    console.log(`\n${asText(section)}`);
  }
  if (out === undefined) return;
  const words = [...(quick ? ["--quick"] : []), ...(only.length < partNames.length ? [`--only ${only.join(",")}`] : [])];
  const command = ["npm run bench", ...(words.length > 0 ? ["--", ...words] : [])].join(" ");
  const report = { at, commit: commitOf(root), command, machine, sections };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "benchmarks.md"), asMarkdown(report));
  writeFileSync(join(out, "benchmarks.json"), asJson(report));
  console.log(`\nWritten: ${join(out, "benchmarks.md")} and benchmarks.json`);
}

/** One part that fails keeps no other from being measured. */
function failed(name: string, cause: unknown): Section {
  console.error(cause);
  process.exitCode = 1;
  return { key: name, title: name, how: "This part failed.", figures: [notMeasured(name, String(cause).slice(0, 200))] };
}

function read() {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, only: { type: "string" }, profile: { type: "boolean", default: false }, out: { type: "string" } },
  });
  const names = values.only?.split(",") ?? (values.profile ? ["profile"] : partNames);
  const unknown = names.filter((name) => !partNames.includes(name as (typeof partNames)[number]));
  if (unknown.length > 0) throw new Error(`There is no part ${unknown.join(", ")}. The parts are ${partNames.join(", ")}.`);
  // A sample, or a few parts of it, does not replace the figures in docs/.
  const isWhole = !values.quick && names.length === partNames.length;
  const folder = values.out === undefined ? (isWhole ? join(root, "docs") : undefined) : resolve(values.out);
  return { quick: values.quick, only: names as typeof partNames, out: folder };
}
