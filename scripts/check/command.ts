import { spawn } from "node:child_process";

export interface CommandResult {
  ok: boolean;
  /** What it printed, when it was not shown at once. */
  output: string;
  seconds: number;
}

export interface CommandOptions {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Prints as it goes instead of keeping the output. */
  shown?: boolean;
  /** Seconds after which it and all it started is killed. */
  atMost: number;
}

/** Runs a command in a process group of its own; it never waits for input and never outlives its time or this process's signals. */
export function run(command: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const began = Date.now();
  const [program = "", ...words] = command;
  const output: string[] = [];
  const stream = options.shown ? "inherit" : "pipe";
  const child = spawn(program, words, { cwd: options.cwd, env: options.env ?? process.env, stdio: ["ignore", stream, stream], detached: true });
  child.stdout?.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  const kill = (): void => killGroup(child.pid);
  const stopped = (signal: NodeJS.Signals): void => (kill(), process.exit(signal === "SIGINT" ? 130 : 143));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stopped);
  const timer = setTimeout(() => (output.push(`\nIt took longer than ${options.atMost} s and was ended.`), kill()), options.atMost * 1000);
  return new Promise((resolve) => {
    const done = (ok: boolean): void => {
      clearTimeout(timer);
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stopped);
      resolve({ ok, output: output.join("").trim(), seconds: (Date.now() - began) / 1000 });
    };
    child.once("error", (cause) => (output.push(cause.message), done(false)));
    child.once("close", (code) => done(code === 0));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause;
  }
}
