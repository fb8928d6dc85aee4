import { readdirSync, readFileSync } from "node:fs";
import { until } from "./until.ts";

interface Process {
  pid: number;
  parent: number;
  name: string;
}

/** A process and all that it started, the oldest first. */
export function familyOf(pid: number): Process[] {
  const all = readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) ? look(Number(entry)) : []));
  const family = all.filter((each) => each.pid === pid);
  for (const member of family) family.push(...all.filter(({ parent }) => parent === member.pid));
  return family;
}

/** `kill -9` for each of them, by its id, and waits until they are gone. */
export async function killHard(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause;
    }
  }
  await until("they are gone", async () => pids.every((pid) => !isAlive(pid)));
}

export function isAlive(pid: number): boolean {
  return look(pid).length > 0;
}

/** Milliseconds for which the workerd processes of this one have computed so far: how busy the machine is does not matter. Linux counts hundredths of a second. */
export function runtimeCpuMs(): number {
  const runtimes = familyOf(process.pid).filter(({ name }) => name.includes("workerd"));
  return runtimes.reduce((sum, { pid }) => {
    const [user = 0, system = 0] = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "").split(" ").slice(11, 13).map(Number);
    return sum + 10 * (user + system);
  }, 0);
}

/** The state of a process in Linux; one that has ended but is not waited for yet counts as gone. */
function look(pid: number): Process[] {
  try {
    const [, name = "", state = "", parent = "0"] = /\((.*)\) (\S) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" ? [] : [{ pid, parent: Number(parent), name }];
  } catch {
    // It ended while we looked.
    return [];
  }
}
