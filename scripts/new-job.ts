// npm run new-job NAME [QUEUE]: makes the contract, the behaviour and the test of a new job and adds it to the list: two imports and one line. QUEUE is `events` unless named.
import { join, resolve } from "node:path";
import { run } from "./check/command.ts";
import { scaffold } from "./new-job/scaffold.ts";

const root = resolve(import.meta.dirname, "..");
const [name, queue = "events"] = process.argv.slice(2);

const made = scaffold(root, name, queue);
if ("wrong" in made) {
  console.error(made.wrong);
  process.exitCode = 1;
} else {
  await run([join(root, "node_modules", ".bin", "oxfmt"), ...made.files], { cwd: root, atMost: 60 });
  console.log(`Made ${made.files.slice(0, -1).join(", ")} and added two imports and one line to ${made.files.at(-1)}.`);
  console.log("Next: describe the payload in job.ts, do the work in run.ts, and run npm run check.");
}
