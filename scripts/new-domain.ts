// npm run new-domain NAME: makes a domain folder of the one pattern (model, store, queries, capability), its table's migration and its test. NAME is a plural noun, as `vouchers`.
import { join, resolve } from "node:path";
import { run } from "./check/command.ts";
import { scaffoldDomain } from "./new-domain/scaffold.ts";

const root = resolve(import.meta.dirname, "..");

const made = scaffoldDomain(root, process.argv[2]);
if ("wrong" in made) {
  console.error(made.wrong);
  process.exitCode = 1;
} else {
  const code = made.files.filter((file) => file.endsWith(".ts"));
  await run([join(root, "node_modules", ".bin", "oxfmt"), ...code], { cwd: root, atMost: 60 });
  console.log(`Made ${made.files.join(", ")}.`);
  console.log("Next: say in model.ts what it is, give the migration its columns, hand the capability out in src/app/capabilities.ts, and run npm run check.");
}
