import { waitUntil } from "cloudflare:workers";
import type { DashboardDeps } from "../dashboard/deps";
import { maxBytesIn } from "../domain/installation/ledger-size";
import type { WorkerEnv } from "../env";
import type { IntakeDeps } from "../intake/deps";
import type { TickDeps } from "../intake/tick/tick";
import { jobs } from "../jobs";
import { createLedger } from "../ledger/ledger";
import { createPayloads } from "../ledger/payloads";
import { createQueries } from "../ledger/queries";
import type { Engine } from "../queue/engine";
import { enqueue } from "../queue/enqueue";
import type { Job } from "../queue/job";
import { createAccessSignIn } from "./access";
import { createAppEngine } from "./engine";
import { createIntakeDeps } from "./intake";
import { createMediaDeps } from "./media";
import { createStores, isLocal } from "./stores";
import { createTickDeps } from "./tick";
import { createWork } from "./work";

export { queueIn } from "./environment";

interface App {
  engine: Engine;
  intake: IntakeDeps;
  tick: TickDeps;
  /** What the pages stand on, beside the intake. */
  pages: Omit<DashboardDeps, "answer">;
}

/** Rows of jobs accepted within this time are written together. */
const rowsLingerMs = 10;

const apps = new WeakMap<WorkerEnv, App>();

/** One App per isolate: caches, group commits and counters live in it. The first call decides which jobs there are. */
export function app(env: WorkerEnv, definitions: readonly Job[] = jobs): App {
  const known = apps.get(env);
  if (known) return known;
  const made = createApp(env, definitions);
  apps.set(env, made);
  return made;
}

/** The composition root. Throws when a secret is missing or malformed, naming it. */
function createApp(env: WorkerEnv, definitions: readonly Job[]): App {
  // A short one could be found by trying.
  if (!/^[\x21-\x7e]{16,512}$/.test(env.ROOT_TOKEN)) throw new Error("ROOT_TOKEN must be 16 to 512 visible ASCII characters without spaces");
  maxBytesIn(env.MAX_LEDGER_BYTES);
  const now = () => Date.now();
  const ledger = createLedger(env.DB, waitUntil, isLocal(env) ? 0 : rowsLingerMs);
  const payloads = createPayloads(env.PAYLOADS);
  const queries = createQueries(env.DB);
  const stores = createStores(env);
  const base = { env, now, jobs: definitions, ledger, payloads, queries, stores, media: createMediaDeps(env, now) };
  const { engine, gates, counters, ended } = createAppEngine(base);
  const work = createWork({ env, engine, counters });
  const deps = { ...base, engine, gates, counters, ended, work };
  const intake = createIntakeDeps({ ...deps, enqueue: (requests) => enqueue(engine, requests) });
  const { replays, bulkActions, campaigns, reports } = intake;
  return {
    engine,
    intake,
    tick: createTickDeps({ ...deps, replays, bulkActions, campaigns, reports }),
    pages: { now, vault: stores.vault, access: createAccessSignIn(env, stores, now) },
  };
}
