import { env } from "cloudflare:workers";
import * as v from "valibot";
import { createWork } from "../../src/app/work";
import type { WorkDeps } from "../../src/domain/work/deps";
import type { WorkerEnv } from "../../src/env";
import { createLedger } from "../../src/ledger/ledger";
import type { Engine } from "../../src/queue/engine";
import { defineJob } from "../../src/queue/job";

export const outside = defineJob({ type: "outside", payload: v.strictObject({}), queue: "deliveries", remote: true });

/** Calls of workers on the test's own D1, by an engine that sends nothing. */
export function workOn(parts: Pick<Engine, "ids" | "registry" | "now">): WorkDeps {
  const engine = { ...parts, random: () => 0.5, boot: "", ledger: createLedger(env.DB, () => undefined), emit: () => undefined, defer: () => undefined };
  return createWork({ env: env as WorkerEnv, engine: engine as unknown as Engine, counters: { add: () => undefined } });
}
