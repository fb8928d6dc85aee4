import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../../test/way/support/bundle.ts";
import { root } from "../../test/way/support/config.ts";

const inside = join(root, "scripts", "chaos", "inside");
const bundles = new Map<string, Promise<string>>();

/** The path of the Worker's script, bundled once per process; `older` is the commit that stands for the release before. */
export function bundled(older: string | undefined): Promise<string> {
  const known = bundles.get(older ?? "") ?? make(older);
  bundles.set(older ?? "", known);
  return known;
}

async function make(older: string | undefined): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-chaos-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const release = older === undefined ? join(inside, "present.ts") : await bundle(checkedOut(older, folder), join(folder, "older"));
  return bundle(join(inside, "entry.ts"), join(folder, "script"), { "older-release": release });
}

/** The commit's source with an entry that exports what chaos needs of it; the answer is the entry's path. */
function checkedOut(commit: string, folder: string): string {
  const tree = join(folder, "tree");
  mkdirSync(tree);
  const archive = execFileSync("git", ["archive", commit, "src", "package.json", "tsconfig.json"], { cwd: root, maxBuffer: 1 << 28 });
  execFileSync("tar", ["-x", "-C", tree], { input: archive });
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  const entry = join(tree, "release.ts");
  const lines = ['export { default, Gate } from "./src/index";', 'export { app } from "./src/app";', 'export { jobs } from "./src/jobs";'];
  writeFileSync(entry, [...lines, "export const leavesPacks = false;", ""].join("\n"));
  return entry;
}
