import { spawn } from "node:child_process";
import { basename, join } from "node:path";
import { quietWrangler, wranglerCli } from "../../../scripts/start/wrangler.ts";
import { derivedConfig, root } from "./config.ts";

/** Bundles a Worker into the folder as a deployment does; gives the script's path. */
export async function bundle(main: string, folder: string, alias: Record<string, string> = {}): Promise<string> {
  const config = derivedConfig(main, 0, alias);
  const child = spawn(process.execPath, [wranglerCli(root), "deploy", "--dry-run", "--outdir", folder, "--config", config.path], {
    cwd: root,
    env: { ...quietWrangler(config.folder), CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  config.remove();
  if (code !== 0) throw new Error(`${main} could not be bundled:\n${output.join("").trim()}`);
  return join(folder, basename(main).replace(/\.ts$/, ".js"));
}
