import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../scripts/check/command.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "jobyard-docs-job-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const codeOf = (page: string): string[] => [...readFileSync(join(root, page), "utf8").matchAll(/```ts\n([^]*?)```/g)].map(([, code = ""]) => code);

/** The files of docs/jobs.md, in a folder that the compiler lays over the repository (`rootDirs`). */
function documentedJob(): void {
  const paths = ["src/jobs/publish-post/job.ts", "src/jobs/publish-post/run.ts", "test/jobs/publish-post.test.ts"];
  for (const [index, code] of codeOf("docs/jobs.md").slice(0, paths.length).entries()) {
    const path = join(folder, paths[index] ?? "");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const compilerOptions = { rootDirs: [root, folder] };
  const declared = [join(root, "src/bindings.d.ts"), ...paths];
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files: declared, include: [] }));
}

test("the job of docs/jobs.md passes the types as it stands", async () => {
  documentedJob();
  const { ok, output } = await run([join(root, "node_modules/.bin/tsc"), "-p", folder, "--pretty", "false"], { cwd: root, atMost: 300 });
  expect([ok, output]).toEqual([true, ""]);
});

test("the README's behaviour is that of docs/jobs.md", () => {
  const behaviour = codeOf("README.md").find((code) => code.startsWith("export const runPublishPost"));
  expect(codeOf("docs/jobs.md").some((code) => behaviour !== undefined && code.endsWith(behaviour))).toBe(true);
});
