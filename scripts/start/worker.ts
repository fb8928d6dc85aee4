// The process of the local Worker: started by scripts/start.ts, which sends it the settings over the pipe and whose end it does not outlive.
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { unstable_startWorker as startWorker } from "wrangler";
import { crashed, type FromWorker, type WorkerOrder } from "./worker-process.ts";

const maxEndMs = 3000;
let dispose = (): Promise<void> => Promise.resolve();

endWithRuntime();

/** This is `wrangler dev --local` without watching: a reload would lose every message that waits in the local queues. */
async function start(order: WorkerOrder): Promise<void> {
  const bindings = Object.entries(order.bindings).map(([name, value]) => [name, { type: "secret_text", value }] as const);
  const worker = await startWorker({
    config: order.config,
    envFiles: [],
    bindings: Object.fromEntries(bindings),
    dev: {
      remote: false,
      watch: false,
      inspector: order.inspectorPort === undefined ? false : { hostname: "127.0.0.1", port: order.inspectorPort },
      liveReload: false,
      persist: order.stateDir,
      registry: process.env["WRANGLER_REGISTRY_PATH"],
      logLevel: order.verbose ? "log" : "warn",
      server: { hostname: "127.0.0.1", port: order.port, secure: false },
      structuredLogsHandler: ({ level, message }: { level: string; message: string }) => report({ log: { level, message } }),
    },
  });
  dispose = () => worker.dispose();
  await worker.ready;
  report({ ready: true });
}

/**
 * A runtime that crashed is replaced by wrangler, without its queues and under the old BOOT_ID: what waited there would be missing
 * for minutes. So this process ends with it, and `start` begins anew.
 */
function endWithRuntime(): void {
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    child.once("exit", () => {
      const wanted = child.killed || !process.connected;
      if (child.spawnfile.includes("workerd") && !wanted) process.exit(crashed);
    });
  });
}

function report(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** Also when the end comes in the middle of starting, or disposing hangs: what was started dies with this process. */
process.once("disconnect", () => {
  setTimeout(() => process.exit(1), maxEndMs);
  void dispose().finally(() => process.exit(0));
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.disconnect?.());
process.once("message", (order) => {
  start(order as WorkerOrder).catch((cause: unknown) => {
    console.error(cause instanceof Error ? (cause.stack ?? cause.message) : cause);
    process.exit(1);
  });
});
