// Used by npm run bench: the machine and the programs that the figures are of.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";

export interface Machine {
  cores: number;
  processor: string;
  memoryGb: number;
  system: string;
  /** How busy it was when the run began: processes that wanted a core during the last minute. */
  load: number;
  programs: Record<string, string>;
}

export function readMachine(root: string, redis: string | null): Machine {
  const versions = ["wrangler", "workerd", "bullmq6"].map((name) => [name, versionOf(root, name)] as const);
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() || "unknown",
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()}`,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    programs: { node: process.version, ...Object.fromEntries(versions), redis: redis ? firstLine(redis, ["--version"]) : "not installed" },
  };
}

export function describeMachine({ cores, processor, memoryGb, system, load, programs }: Machine): string {
  const listed = Object.entries(programs).map(([name, version]) => `${name} ${version}`);
  return `Machine: ${cores} cores (${processor}), ${memoryGb} GB, ${system}; load ${load} when the run began${load > cores / 2 ? " – **it was busy with other things, so these figures are not to be trusted**" : ""}. ${listed.join(", ")}.`;
}

export function commitOf(root: string): string {
  try {
    return firstLine("git", ["-C", root, "rev-parse", "--short", "HEAD"]);
  } catch {
    // A copy without its history has figures all the same.
    return "unknown";
  }
}

function versionOf(root: string, name: string): string {
  return (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { version: string }).version;
}

function firstLine(program: string, words: readonly string[]): string {
  return execFileSync(program, words, { encoding: "utf8" }).split("\n")[0]?.trim() ?? "";
}
