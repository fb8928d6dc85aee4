import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A migration whose first line begins so takes something away: it waits until the version before is gone. */
const contractMark = /^--\s*contract\b/i;

/** How the files stand to what a database has. */
export interface Migrations {
  /** To be applied now, in order. */
  pending: string[];
  /** Marked as contract; applied with `--contract`. */
  held: string[];
  /** In the database, not in this checkout. */
  unknown: string[];
}

/** `contract`: nothing is held back. On an empty database nothing is either: no version before can need what goes. */
export function migrationsIn(root: string, applied: readonly string[], contract: boolean): Migrations {
  const folder = join(root, "migrations");
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .toSorted();
  const missing = names.filter((name) => !applied.includes(name));
  const waits = (name: string) => !contract && applied.length > 0 && contractMark.test(readFileSync(join(folder, name), "utf8"));
  return { pending: missing.filter((name) => !waits(name)), held: missing.filter(waits), unknown: applied.filter((name) => !names.includes(name)) };
}

/** A folder with all files but those that are held back: wrangler applies whatever it finds. */
export function stage(root: string, folder: string, held: readonly string[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(join(root, "migrations")).filter((name) => name.endsWith(".sql") && !held.includes(name));
  for (const name of names) copyFileSync(join(root, "migrations", name), join(folder, name));
}
