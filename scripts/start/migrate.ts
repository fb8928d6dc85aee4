import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quietWrangler, wranglerCli } from "./wrangler.ts";

/** Name and hash of every migration that is in the local database. */
export type Applied = Record<string, string>;

export interface Plan {
  /** Names that are not applied yet. */
  missing: string[];
  /** Applied, but edited since. */
  changed: string[];
}

/** Compares what there is with what was applied. */
export function planOf(migrations: Applied, applied: Applied): Plan {
  const names = Object.keys(migrations);
  return {
    missing: names.filter((name) => applied[name] === undefined),
    changed: names.filter((name) => applied[name] !== undefined && applied[name] !== migrations[name]),
  };
}

/**
 * Brings the local database up to date. What was applied is remembered beside it, because asking wrangler takes seconds.
 * @returns The names that were missing and, for a warning, those that were edited after they landed.
 */
export async function migrate(root: string, stateDir: string): Promise<Plan> {
  // Named for the database: the one of an earlier version lies under another id, unused.
  const memory = join(stateDir, "migrations-DB.json");
  const migrations = hashesOf(join(root, "migrations"));
  const databaseIsThere = existsSync(join(stateDir, "v3", "d1"));
  const plan = planOf(migrations, databaseIsThere && existsSync(memory) ? (JSON.parse(readFileSync(memory, "utf8")) as Applied) : {});
  if (plan.missing.length === 0) return plan;
  await apply(root, stateDir);
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(memory, JSON.stringify(migrations));
  return plan;
}

function hashesOf(folder: string): Applied {
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return Object.fromEntries(
    files.toSorted().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

function apply(root: string, stateDir: string): Promise<void> {
  const words = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", stateDir];
  const child = spawn(process.execPath, [wranglerCli(root), ...words], {
    cwd: root,
    env: { ...quietWrangler(stateDir), CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`The migrations could not be applied:\n${output.join("").trim()}`))));
  });
}
