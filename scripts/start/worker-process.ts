import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { quietWrangler } from "./wrangler.ts";

/** The configuration of the Worker's process. It goes over a pipe: secrets are in no argument list and no environment. */
export interface WorkerOrder {
  config: string;
  port: number;
  stateDir: string;
  verbose: boolean;
  bindings: Record<string, string>;
  /** Where its inspector listens. Default: it has none. */
  inspectorPort?: number;
}

/** A message of the Worker's process. */
export type FromWorker = { ready: true } | { log: { level: string; message: string } };

/** The exit code of the Worker's process when the runtime under it crashed. */
export const crashed = 70;

export interface Ending {
  /** The runtime died; a new one may well live. */
  crashed: boolean;
  why: string;
}

export interface RunningWorker {
  /** Resolves when it listens; rejects when it ends before. */
  ready: Promise<void>;
  /** Resolves when it has ended. */
  ended: Promise<Ending>;
  /** Ends it and everything it started. */
  stop(): Promise<void>;
}

export interface Output {
  /** A line of wrangler's own. */
  line(text: string, isError: boolean): void;
  /** Something the Worker logged. */
  log(level: string, message: string): void;
}

/** Starts the Worker in a process group of its own, so that nothing of it is left when it has to be killed. */
export function runWorker(root: string, order: WorkerOrder, output: Output): RunningWorker {
  const child = spawn(process.execPath, ["--no-warnings", join(root, "scripts", "start", "worker.ts")], {
    cwd: root,
    env: quietWrangler(order.stateDir),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  byLine(child.stdout, (text) => output.line(text, false));
  byLine(child.stderr, (text) => output.line(text, true));
  const ended = new Promise<Ending>((resolve) => {
    child.once("error", (cause) => resolve({ crashed: false, why: cause.message }));
    child.once("exit", (code, signal) => resolve(endingOf(code, signal)));
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.on("message", (message) => {
      const report = message as FromWorker;
      if ("ready" in report) resolve();
      else output.log(report.log.level, report.log.message);
    });
    void ended.then(({ why }) => reject(new Error(`The Worker did not start: ${why}.`)));
  });
  ready.catch(() => undefined);
  child.send(order);
  return { ready, ended, stop: () => stop(child, ended) };
}

/** A signal from outside is a crash as well: the system ends with SIGKILL what takes too much memory. */
export function endingOf(code: number | null, signal: NodeJS.Signals | null): Ending {
  return { crashed: code === crashed || signal !== null, why: signal ? `it was ended by ${signal}` : `it ended with code ${code}` };
}

async function stop(child: ChildProcess, ended: Promise<Ending>): Promise<void> {
  if (child.connected) child.disconnect();
  await Promise.race([ended, passing(3000, undefined, { ref: false })]);
  killGroup(child);
  await ended;
}

/** What is left of the group; usually nothing is. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause;
  }
}

function byLine(stream: NodeJS.ReadableStream | null, take: (text: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  });
  stream?.on("end", () => rest && take(rest));
}
