import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";
import { quietWrangler, wranglerCli } from "../start/wrangler.ts";

export interface RuntimeOptions {
  /** Of wrangler, in JSON. */
  config: string;
  /** The bundled Worker. */
  script: string;
  port: number;
  stateDir: string;
  line: (text: string) => void;
}

/** Bundles the config's Worker as a deployment does; the answer is the script's path. */
export async function bundle(root: string, config: string, folder: string): Promise<string> {
  const child = spawn(process.execPath, [wranglerCli(root), "deploy", "--dry-run", "--outdir", folder, "--config", config], {
    cwd: root,
    env: { ...quietWrangler(folder), CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`The Worker could not be bundled:\n${output.join("").trim()}`);
  return join(folder, "entry.js");
}

/**
 * A workerd with the Worker alone: `wrangler dev` would put a second one before it and bundle anew at each start. A start takes about a second, and ends the workerd
 * before with SIGKILL.
 */
export class Runtime {
  readonly #options: RuntimeOptions;
  #miniflare: Miniflare | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
  }

  async start(bindings: Record<string, string>): Promise<void> {
    const options = this.#with(bindings);
    if (this.#miniflare) await this.#miniflare.setOptions(options);
    else this.#miniflare = new Miniflare(options);
    await this.#miniflare.ready;
  }

  async stop(): Promise<void> {
    await this.#miniflare?.dispose();
  }

  #with(bindings: Record<string, string>) {
    const { config, script, port, stateDir, line } = this.#options;
    const { workerOptions } = workerOptionsOf(config);
    return convertV4MiniflareOptions({
      host: "127.0.0.1",
      port,
      log: new NoOpLog(),
      handleStructuredLogs: ({ message }: { message: string }) => line(message),
      unsafeTriggerHandlers: true,
      resourcePersistencePath: join(stateDir, "v3"),
      workers: [
        {
          ...workerOptions,
          name: "jobyard",
          bindings,
          modulesRoot: dirname(script),
          modules: [{ type: "ESModule", path: script, contents: readFileSync(script, "utf8") }],
        },
      ],
    });
  }
}
