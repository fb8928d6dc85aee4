import older, { app as olderApp, jobs as olderJobs, leavesPacks } from "older-release";
import { app } from "../../../src/app";
import type { WorkerEnv } from "../../../src/env";
import worker from "../../../src/index";
import { jobs } from "../../../src/jobs";
import { queues } from "../../../src/jobs/queues";
import type { Job } from "../../../src/queue/job";
import { faultyEnv, faultyStore, hurried } from "../../../test/way/worker/faulty-env";
import { migrated } from "../../../test/way/worker/migrated";
import { flip, flipBack, isDelaying, type Switches } from "../../../test/way/worker/switches";
import { halves, withoutPacks } from "./batches";
import { createLife, isolateEnd, type Life } from "./life";
import { plant } from "./mutants";
import { newer } from "./versions";

/**
 * The Worker of `npm run chaos`: the real one over bindings whose faults the driver sets, with pauses between attempts of seconds in the place
 * of minutes; for a while the release before it stands beside it. What the driver must set or see, it reaches under /__test/.
 */
export { Gate } from "../../../src/index";

interface ChaosEnv extends WorkerEnv {
  /** Rows are written as in a deployed Worker: on demand. */
  DEPLOYED?: string;
  /** A fault that is planted into the Worker, to see it found. */
  MUTANT?: string;
}

type Release = "old" | "new";
/** Isolates stand side by side as the platform's do; each release has one of each. */
type Isolate = `${Release} ${number}`;

const quick = { base: 1, cap: 4 };
/** Seconds; a provider that never answers is left after so long. */
const maxRunSeconds = 10;
const patient = new Set(["agent", "analysis", "image", "sync-orders", "sync-orders-part", "sync-products", "sync-single-order", "remote-demo"]);

/** Batches and ticks that are being worked on. */
let underWay = 0;
/** While this is true no batch is begun. */
let isHeld = false;
let life = createLife();
let made: { of: Life; envs: Partial<Record<Isolate, WorkerEnv>> } = { of: life, envs: {} };
/** Share of the requests and batches that the release before gets. */
let oldShare = 0;

const handlers = { old: older, new: worker };
const drawn = (): Release => (Math.random() < oldShare ? "old" : "new");

/** The bindings of one isolate of that release. */
function prepared(env: ChaosEnv, release: Release, number = 0): WorkerEnv {
  if (made.of !== life) made = { of: life, envs: {} };
  return (made.envs[`${release} ${number}`] ??=
    release === "old" ? opened({ ...env, PACKS: "off" }, olderApp, olderJobs.map(hasty)) : opened(env, app, jobs.map(hasty).map(newer)));
}

function opened(env: ChaosEnv, create: typeof app, definitions: readonly Job[]): WorkerEnv {
  const own = faultyEnv(env, life.pass);
  const whole = { ...own, MEDIA: faultyStore(env.MEDIA, "r2", life.pass) };
  const { engine } = create(whole, definitions);
  if (env.DEPLOYED) engine.ledgerFirst = false;
  if (env.MUTANT) plant(engine, env.MUTANT);
  return whole;
}

function hasty({ contract, run }: Job): Job {
  const timeout = patient.has(contract.type) ? contract.policy.timeout : Math.min(contract.policy.timeout, maxRunSeconds);
  return { contract: { ...contract, policy: { ...contract.policy, backoff: quick, timeout } }, run };
}

async function counted(work: () => Promise<void>): Promise<void> {
  underWay++;
  try {
    await life.outlived(work());
  } finally {
    underWay--;
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/__test/")) return control(pathname.slice("/__test/".length), request, env);
    const release = drawn();
    return life.outlived(Promise.resolve(handlers[release].fetch(request, prepared(env, release)))).catch((cause: unknown) => {
      // The sender takes this for a connection that broke; what else is thrown is an answer of 500.
      if (cause === isolateEnd) return new Response(null, { status: 599 });
      throw cause;
    });
  },
  async queue(batch, env) {
    if (isHeld) return batch.retryAll({ delaySeconds: 1 });
    // All of it: with the handler's end nothing of the other half would be run any more, its count included.
    const ends = await Promise.allSettled(halves(hurried(batch)).map((half, number) => consume(half, env, number)));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  },
  async scheduled(controller, env) {
    await counted(async () => worker.scheduled(controller, prepared(env, "new")));
  },
} satisfies ExportedHandler<ChaosEnv>;

async function consume(batch: MessageBatch, env: ChaosEnv, number: number): Promise<void> {
  const release = drawn();
  await counted(async () => handlers[release].queue(release === "old" && leavesPacks ? withoutPacks(batch) : batch, prepared(env, release, number)));
}

async function control(what: string, request: Request, env: WorkerEnv): Promise<Response> {
  switch (what) {
    case "switch":
      return Response.json(flip(await request.json<Partial<Switches>>()));
    case "calm":
      flipBack();
      oldShare = 0;
      // What comes back waits no longer than it must: time passes on the Worker's clock, not on the queue's.
      return Response.json(flip({ longestDelay: 3 }));
    case "old-share":
      oldShare = await request.json<number>();
      return Response.json({ oldShare });
    case "migrate":
      return Response.json(await migrated(env.DB, await request.json()));
    case "rows": {
      const { sql, values } = await request.json<{ sql: string; values: unknown[] }>();
      const { results } = await env.DB.prepare(sql)
        .bind(...values)
        .all();
      return Response.json(results);
    }
    case "idle":
      return Response.json({ idle: await isIdle(env) });
    case "jump":
      return Response.json(await jump(await request.json()));
    case "abort":
      life.end();
      life = createLife();
      return Response.json({});
    default:
      return new Response(null, { status: 404 });
  }
}

/** Nothing is being worked on, and no message waits: its delay is over, and a batch has taken it. */
async function isIdle(env: WorkerEnv): Promise<boolean> {
  if (underWay > 0 || isDelaying()) return false;
  const metrics = await Promise.all(Object.values(queues).map(({ binding }) => env[binding].metrics()));
  return metrics.every(({ backlogCount }) => backlogCount === 0);
}

/** Lets time pass on the Worker's clock while nothing is under way: no run may last longer than its timers allow. */
async function jump({ to, seconds }: { to: number; seconds: number }): Promise<{ jumped: boolean; underWay: number }> {
  isHeld = true;
  try {
    for (let waited = 0; underWay > 0 && waited < seconds * 1000; waited += 20) await scheduler.wait(20);
    if (underWay === 0) flip({ ahead: to });
    return { jumped: underWay === 0, underWay };
  } finally {
    isHeld = false;
  }
}
