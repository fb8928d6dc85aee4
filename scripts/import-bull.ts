// npm run import-bull -- --url REDIS --map map.json …: takes jobs out of living queues of Bull 4, BullMQ 5 and 6. --help lists the options; docs/leaving-bull.md explains them.
// Exit code: 0 done; 1 something needs a person (the report names it); 2 wrong usage; 3 the token is not permitted; 4 Redis or the product ended it midway, safe to run again.
import { writeFileSync } from "node:fs";
import { runImport } from "./import-bull/command.ts";
import { Failure } from "./import-bull/failure.ts";
import { readOptions, usage } from "./import-bull/options.ts";
import { createProgress } from "./import-bull/progress.ts";
import { sleepUnless } from "./import-bull/session.ts";

const interrupted = new AbortController();
let since = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
process.on("disconnect", () => interrupted.abort());

try {
  process.exitCode = await main();
} catch (cause) {
  if (!(cause instanceof Failure)) throw cause;
  console.error(cause.message);
  process.exitCode = cause.code;
}
if (process.connected) process.disconnect();

/** The first ends what is under way in order; another one, later than npm's copy of it, at once: that is as safe as being killed. */
function interrupt(): void {
  if (interrupted.signal.aborted && Date.now() - since > 1000) process.exit(130);
  since ||= Date.now();
  interrupted.abort();
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (!options) {
    console.log(usage);
    return 0;
  }
  const now = () => Date.now();
  const surroundings = { signal: interrupted.signal, now, sleep: sleepUnless(interrupted.signal), progress: createProgress(process.stderr, now) };
  const { code, report } = await runImport(options, surroundings);
  console.log(report);
  if (options.report) writeFileSync(options.report, report);
  return code;
}
