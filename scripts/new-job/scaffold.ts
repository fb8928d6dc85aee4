import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasJob, withJob } from "./list.ts";
import { namesOf } from "./names.ts";
import { contractFile, runFile, testFile } from "./templates.ts";

const listPath = "src/jobs/index.ts";

/** Makes the files of a new job and its line in the list, or returns why not; then nothing is written. Paths are relative to `root`. */
export function scaffold(root: string, type: string | undefined, queue: string): { files: string[] } | { wrong: string } {
  const names = namesOf(type);
  if ("wrong" in names) return names;
  const queues = queuesOf(readFileSync(join(root, "wrangler.toml"), "utf8"));
  if (!queues.includes(queue)) return { wrong: `There is no queue "${queue}" in wrangler.toml; there are ${queues.join(", ")}.` };
  const files: Record<string, string> = {
    [`src/jobs/${names.type}/job.ts`]: contractFile(names, queue),
    [`src/jobs/${names.type}/run.ts`]: runFile(names),
    [`test/jobs/${names.type}.test.ts`]: testFile(names),
  };
  const present = [`src/jobs/${names.type}`, ...Object.keys(files)].find((path) => existsSync(join(root, path)));
  if (present) return { wrong: `${present} exists already, and nothing was changed. Edit it, or choose another name.` };
  const list = readFileSync(join(root, listPath), "utf8");
  if (hasJob(list, names)) return { wrong: `${listPath} names "${names.type}" already.` };
  const longer = withJob(list, names);
  if (longer === null) return { wrong: `${listPath} has no list to add the job to: it must contain "export const jobs = [".` };
  for (const [path, text] of Object.entries({ ...files, [listPath]: longer })) write(join(root, path), text);
  return { files: [...Object.keys(files), listPath] };
}

function queuesOf(wranglerToml: string): string[] {
  const consumers = wranglerToml.split("[[queues.consumers]]").slice(1);
  const names = consumers.map((block) => /^queue = "([a-z0-9-]+)"/m.exec(block)?.[1]);
  return names.filter((name): name is string => name !== undefined && name !== "dead-letters");
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
