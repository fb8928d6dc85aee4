import { existsSync, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { inject } from "vitest";
import { bundle } from "./bundle.ts";
import { wayEntry } from "./config.ts";
import type {} from "./shared-folder.ts";
import { until } from "./until.ts";

/** The path of the stories' Worker. The first story bundles it; those of other processes wait for that. */
export async function wayScript(): Promise<string> {
  const folder = inject("sharedFolder");
  const made = join(folder, "script");
  if (isFirst(join(folder, "bundling"))) {
    await bundle(wayEntry, join(folder, "unfinished"));
    renameSync(join(folder, "unfinished"), made);
  }
  await until("the Worker of the stories is bundled", async () => existsSync(made));
  return join(made, basename(wayEntry).replace(/\.ts$/, ".js"));
}

/** Makes the folder; false when it is there already. */
function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false;
    throw cause;
  }
}
