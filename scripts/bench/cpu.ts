// Used by npm run bench: processor time and memory of the runtimes that this process has started. Linux only; elsewhere nothing is known.
import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  /** Milliseconds of processor time since they began. */
  cpuMs: number;
  /** Bytes in memory now, and at most so far. */
  bytes: number;
  maxBytes: number;
}

/** The kernel counts in hundredths of a second. */
const tickMs = 10;

/** Of every workerd below this process; undefined where there is no /proc. */
export function usageOfRuntimes(): Usage | undefined {
  const parents = readParents();
  if (!parents) return undefined;
  const sum: Usage = { cpuMs: 0, bytes: 0, maxBytes: 0 };
  for (const pid of parents.keys()) {
    const usage = isBelow(pid, process.pid, parents) ? usageOf(pid) : undefined;
    if (!usage) continue;
    sum.cpuMs += usage.cpuMs;
    sum.bytes += usage.bytes;
    sum.maxBytes += usage.maxBytes;
  }
  return sum;
}

function readParents(): Map<number, number> | undefined {
  try {
    const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
    return new Map(pids.flatMap((pid) => (parentOf(pid) === undefined ? [] : [[pid, parentOf(pid) as number]])));
  } catch {
    // No /proc: not Linux.
    return undefined;
  }
}

function isBelow(pid: number, ancestor: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === ancestor) return true;
  return false;
}

function parentOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields ? Number(fields[1]) : undefined;
}

function usageOf(pid: number): Usage | undefined {
  const fields = statOf(pid);
  const status = read(`/proc/${pid}/status`);
  if (!fields || !status || !/^Name:\s*workerd/m.test(status)) return undefined;
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs, bytes: kilobytes("VmRSS"), maxBytes: kilobytes("VmHWM") };
}

/** The fields behind the name, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Undefined for a process that has ended meanwhile. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
