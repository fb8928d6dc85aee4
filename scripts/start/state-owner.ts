import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFree } from "./ports.ts";

interface Owner {
  pid: number;
  port: number;
}

/**
 * Makes this process the owner of the state folder. A sentence instead when an `npm start` that still runs owns it:
 * two of them would lock each other's database and bring back each other's jobs.
 */
export async function ownState(stateDir: string, port: number): Promise<string | null> {
  const file = join(stateDir, "owner.json");
  const owner = ownerIn(file);
  // Both: another process may have got the id since, and another program the port.
  if (owner && isAlive(owner.pid) && !(await isFree(owner.port))) {
    return `${stateDir} is in use by the npm start at http://127.0.0.1:${owner.port} (process ${owner.pid}). End it, or set STATE_DIR to another folder.`;
  }
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(file, JSON.stringify({ pid: process.pid, port } satisfies Owner));
  return null;
}

/** Null where no start has written it, or a death cut it off. */
function ownerIn(file: string): Owner | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch (cause) {
    if (cause instanceof SyntaxError || (cause instanceof Error && "code" in cause && cause.code === "ENOENT")) return null;
    throw cause;
  }
}

/** Whether another process has this id. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM";
  }
}
