import { stripVTControlCharacters } from "node:util";
import type { Output } from "./worker-process.ts";

/** Harmless, and printed at every start. */
const noise = [
  /^\s*$/,
  /Scheduled Workers are not automatically triggered/,
  /To manually trigger/,
  /curl "http/,
  /cron-triggers\/#test-cron/,
  /Logs were written to/,
];

/** The runtime's own account of a call that failed, with addresses of its code: the job's reason holds the same. */
const runtimeNoise = /wdErrId|^(?:e|exception) = /;

/** A line that comes again within this time is counted instead of printed. Milliseconds. */
const foldMs = 10_000;

/** Shows what went wrong and nothing else; with `verbose` everything. */
export function outputTo(print: (line: string) => void, verbose: boolean): Output {
  const printFolded = folding(print);
  return {
    line(text, isError) {
      const line = stripVTControlCharacters(text).trimEnd();
      if (verbose || (isError && !noise.some((pattern) => pattern.test(line)))) print(`wrangler: ${line}`);
    },
    log(level, message) {
      if (verbose) return print(`worker: ${message}`);
      const failure = failureIn(message) ?? troubleIn(message);
      if (failure) return printFolded(failure);
      if ((level === "error" && !runtimeNoise.test(message)) || /"level":"error"/.test(message)) print(`worker: ${message}`);
    },
  };
}

/** A job's failure in a line that names its tenant, type and reason; undefined for any other message. */
function failureIn(message: string): string | undefined {
  if (!message.startsWith('{"level":"warn","event":"settled"')) return undefined;
  const { tenant, type, state, reason } = JSON.parse(message) as Record<string, unknown>;
  return ["retrying", "dead", "discarded"].includes(String(state)) ? `${tenant}: ${type} ${state}: ${reason}` : undefined;
}

/** What the Worker could not do, in a line that names its tenant and place; undefined for any other message. */
function troubleIn(message: string): string | undefined {
  if (!message.startsWith('{"level":"error","event":"trouble"')) return undefined;
  const { tenant = "worker", where, reason } = JSON.parse(message) as Record<string, unknown>;
  return `${tenant}: ${where}: ${reason}`;
}

/** Prints a line at once, and later how often it came again. */
function folding(print: (line: string) => void): (line: string) => void {
  const repeats = new Map<string, number>();
  return (line) => {
    const count = repeats.get(line);
    if (count !== undefined) return void repeats.set(line, count + 1);
    print(line);
    repeats.set(line, 0);
    const printCount = () => {
      const again = repeats.get(line) ?? 0;
      repeats.delete(line);
      if (again > 0) print(`${line} (${again}× more)`);
    };
    setTimeout(printCount, foldMs).unref();
  };
}
