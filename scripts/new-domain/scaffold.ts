import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { domainNamesOf } from "./names.ts";
import { capabilityFile, migrationFile, modelFile, queriesFile, storeFile, testFile } from "./templates.ts";

/** Makes the files of a new domain folder, or returns why not; then nothing is written. Paths are relative to `root`. */
export function scaffoldDomain(root: string, folder: string | undefined): { files: string[] } | { wrong: string } {
  const names = domainNamesOf(folder);
  if ("wrong" in names) return names;
  const { folder: name, table } = names;
  const present = [`src/domain/${name}`, `test/domain/${name}`].find((path) => existsSync(join(root, path)));
  if (present) return { wrong: `${present} exists already, and nothing was changed. Edit it, or choose another name.` };
  const migrations = readdirSync(join(root, "migrations")).toSorted();
  const made = new RegExp(`CREATE TABLE ${table}\\b`);
  const maker = migrations.find((file) => made.test(readFileSync(join(root, "migrations", file), "utf8")));
  if (maker) return { wrong: `migrations/${maker} makes a table ${table} already.` };
  const next = String(Number(migrations.at(-1)?.slice(0, 4) ?? 0) + 1).padStart(4, "0");
  const files: Record<string, string> = {
    [`src/domain/${name}/model.ts`]: modelFile(names),
    [`src/domain/${name}/store.ts`]: storeFile(names),
    [`src/domain/${name}/queries.ts`]: queriesFile(names),
    [`src/domain/${name}/capability.ts`]: capabilityFile(names),
    [`test/domain/${name}/store.test.ts`]: testFile(names),
    [`migrations/${next}_${name}.sql`]: migrationFile(names),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { files: Object.keys(files) };
}
