import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";

export interface RuntimeOptions {
  /** Of wrangler, in JSON. */
  config: string;
  /** The bundled Worker. */
  script: string;
  /** 0: a free one. */
  port: number;
  stateDir: string;
  line: (text: string) => void;
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

  /** Gives its address. */
  async start(bindings: Record<string, string>): Promise<URL> {
    const options = this.#with(bindings);
    if (this.#miniflare) await this.#miniflare.setOptions(options);
    else this.#miniflare = new Miniflare(options);
    return this.#miniflare.ready;
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
