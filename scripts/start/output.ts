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

/** Shows what went wrong and nothing else; with `verbose` everything. */
export function outputTo(print: (line: string) => void, verbose: boolean): Output {
  return {
    line(text, isError) {
      const line = stripVTControlCharacters(text).trimEnd();
      if (verbose || (isError && !noise.some((pattern) => pattern.test(line)))) print(`wrangler: ${line}`);
    },
    log(level, message) {
      if (verbose || level === "error" || /"level":"error"/.test(message)) print(`worker: ${message}`);
    },
  };
}
