import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../scripts/check/command.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "jobyard-caller-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The blocks of docs/trpc.md, by the path in their first comment or directive. */
function documented(): string[] {
  return [...readFileSync(join(root, "docs/trpc.md"), "utf8").matchAll(/```ts\n([^]*?)```/g)].map(([, code = ""]) => code);
}

/** Another package, with nothing of the repository but what `exports` of package.json names. */
function callerPackage(): void {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: Record<string, string> };
  const installed = join(folder, "node_modules", "jobyard");
  for (const file of ["package.json", ...Object.values(exports)]) {
    mkdirSync(dirname(join(installed, file)), { recursive: true });
    cpSync(join(root, file), join(installed, file));
  }
  symlinkSync(join(root, "node_modules/@trpc"), join(folder, "node_modules/@trpc"), "junction");
  // As a new Next.js app has them.
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: "esnext",
    moduleResolution: "bundler",
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
    skipLibCheck: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["**/*.ts"] }));
  mkdirSync(join(folder, "lib"));
  mkdirSync(join(folder, "app/orders"), { recursive: true });
  const [client = "", action = ""] = documented();
  writeFileSync(join(folder, "lib/jobyard.ts"), client);
  writeFileSync(join(folder, "app/orders/actions.ts"), action);
  writeFileSync(join(folder, "node.d.ts"), "declare const process: { env: Record<string, string | undefined> };\n");
  writeFileSync(
    join(folder, "wrong.ts"),
    `import { jobyard } from "./lib/jobyard";
// @ts-expect-error -- a mail needs a recipient
void jobyard.email.send.mutate({ subject: "s", text: "t" });
// @ts-expect-error -- the Worker's types stay out of here
export type Leaked = D1Database;
`,
  );
}

test("another package types its client by jobyard/trpc, without the Worker's types", async () => {
  callerPackage();
  const { ok, output } = await run([join(root, "node_modules/.bin/tsc"), "-p", folder, "--pretty", "false"], { cwd: folder, atMost: 300 });
  expect([ok, output]).toEqual([true, ""]);
});
