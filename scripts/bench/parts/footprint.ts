// npm run bench, part footprint: size and start-up of the script, memory and processor time of the runtime.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { quietWrangler, wranglerCli } from "../../start/wrangler.ts";
import { usageOfRuntimes } from "../cpu.ts";
import { startJobyard } from "../jobyard.ts";
import { atMost, type Figure, notMeasured, type Section } from "../report.ts";
import type { Run } from "../run.ts";
import { root } from "../worker.ts";

const megabyte = 1_000_000;

export async function footprint(run: Run): Promise<Section> {
  const count = run.quick ? 2000 : 20_000;
  const size = await sizeOf(run.bench.folder);
  run.say("footprint: size");
  const startUp = await startUpOf(run.bench.folder, run.quick ? 1 : 5);
  run.say("footprint: start-up");
  return {
    key: "footprint",
    title: "Footprint",
    how: `The script as it would be deployed; its start-up is the time to parse and evaluate it, as Cloudflare's startup_time_ms is: wrangler's profile of it without idle time, which begins when the runtime is ready (an empty Worker shows 0 ms). A busy machine lengthens it. Memory and processor time are of the whole local runtime, its database included, before and after ${count.toLocaleString("en")} jobs that do nothing.`,
    figures: [
      { what: "script, compressed", unit: "kB", rounds: [size / 1000], goal: atMost(megabyte / 1000, "≤ 1,000 kB") },
      startUp,
      ...(await usedBy(run, count)),
    ],
  };
}

/** Bytes of what wrangler would upload, compressed as it does. */
async function sizeOf(folder: string): Promise<number> {
  const out = join(folder, "bundle");
  await wrangler(folder, ["deploy", "--dry-run", "--outdir", out]);
  const files = readdirSync(out).filter((name) => !name.endsWith(".map") && name !== "README.md");
  return files.reduce((sum, name) => sum + gzipSync(readFileSync(join(out, name))).length, 0);
}

/**
 * Milliseconds to parse and evaluate the script. The profile begins when the runtime has booted, so that is no part of it: an empty Worker shows 0 ms.
 * Samples are by the clock: what else the machine does is in them.
 */
async function startUpOf(folder: string, rounds: number): Promise<Figure> {
  const what = "start-up";
  const file = join(folder, "startup.cpuprofile");
  try {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await wrangler(folder, ["check", "startup", "--outfile", file]);
      times.push(busyMs(readFileSync(file, "utf8")));
    }
    return { what, unit: "ms", rounds: times, goal: atMost(50, "≤ 50 ms") };
  } catch (cause) {
    return notMeasured(what, `wrangler check startup failed: ${String(cause).slice(0, 120)}`);
  }
}

/** Time of a profile that is not idle. */
export function busyMs(text: string): number {
  const { nodes, samples, timeDeltas } = JSON.parse(text) as {
    nodes: { id: number; callFrame: { functionName: string } }[];
    samples: number[];
    timeDeltas: number[];
  };
  const idle = new Set(nodes.filter(({ callFrame }) => ["(idle)", "(root)"].includes(callFrame.functionName)).map(({ id }) => id));
  // A delta is the time before its sample: the first is the time until the profile began.
  const micros = samples.reduce((sum, id, index) => sum + (index === 0 || idle.has(id) ? 0 : (timeDeltas[index] ?? 0)), 0);
  return micros / 1000;
}

async function usedBy(run: Run, count: number): Promise<Figure[]> {
  const others = usageOfRuntimes();
  const jobyard = await startJobyard(run.bench, { name: "footprint" });
  const before = usageOfRuntimes();
  if (!others || !before) return [notMeasured("memory and processor time", "this system has no /proc")];
  const begun = performance.now();
  await jobyard.batch(count);
  await jobyard.untilDone(count, begun);
  const after = usageOfRuntimes() ?? before;
  return [
    { what: "memory with nothing to do", unit: "MB", rounds: [(before.bytes - others.bytes) / megabyte] },
    { what: `memory after ${count.toLocaleString("en")} jobs`, unit: "MB", rounds: [(after.bytes - others.bytes) / megabyte] },
    { what: "memory at most", unit: "MB", rounds: [(after.maxBytes - others.maxBytes) / megabyte] },
    { what: "processor time, call to done", unit: "ms/job", rounds: [(after.cpuMs - before.cpuMs) / count] },
  ];
}

async function wrangler(folder: string, words: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [wranglerCli(root), ...words, "--config", join(root, "wrangler.toml")], {
    cwd: root,
    env: quietWrangler(folder),
    timeout: 120_000,
  });
}
