import { app } from "../../../src/app";
import type { WorkerEnv } from "../../../src/env";
import worker from "../../../src/index";
import { jobs } from "../../../src/jobs";
import { passEnded } from "../../../src/ledger/open-jobs";
import { createPayloads } from "../../../src/ledger/payloads";
import { defaultRetention, retain } from "../../../src/ledger/retention";
import { job } from "../../../src/queue/job";
import { countDelivery, meter, meteredEnv } from "./metered-env";
import { noop, runNoop, starts } from "./noop";
import { bury, seed } from "./seed";

/**
 * The Worker of the benchmarks: the real one with one job type more, which does nothing. What a benchmark must see or set, it reaches under
 * /__bench/. With METERED it counts what is billed.
 */
export { Gate } from "../../../src/index";

interface BenchEnv extends WorkerEnv {
  METERED?: string;
}

const day = 24 * 3_600_000;
/** While this is true no batch is begun: what is sent waits in its queue. */
let held = false;
let prepared: WorkerEnv | undefined;
/** Jobs that the ledger has recorded as done since the Worker began, by tenant: asking it at each look would cost more than the jobs. */
const recorded = new Map<string, number>();

function prepare(env: BenchEnv): WorkerEnv {
  if (prepared) return prepared;
  prepared = env.METERED ? meteredEnv(env) : env;
  const { engine } = app(prepared, [...jobs, job(noop, runNoop)]);
  const { emit } = engine;
  engine.emit = (event) => {
    if (event.event === "settled" && event.state === "done") recorded.set(event.tenant, (recorded.get(event.tenant) ?? 0) + 1);
    emit(event);
  };
  // The sandbox may be called by a local Worker alone; its rows are counted as a deployed one writes them.
  if (env.METERED) engine.ledgerFirst = false;
  return prepared;
}

export default {
  fetch(request, env) {
    // Other addresses are left to the product: reading them here would count as its work.
    if (request.url.includes("/__bench/")) {
      const { pathname, searchParams } = new URL(request.url);
      return control(pathname.slice("/__bench/".length), searchParams, env);
    }
    // What only looks whether it is done yet is no part of the job.
    if (request.method !== "GET") meter.request++;
    return worker.fetch(request, prepare(env));
  },
  async queue(batch, env) {
    // oxlint-disable-next-line no-unmodified-loop-condition
    while (held) await scheduler.wait(10);
    meter.request++;
    if (env.METERED) countDelivery(batch.messages);
    return worker.queue(batch, prepare(env));
  },
  scheduled: (controller, env) => worker.scheduled(controller, prepare(env)),
} satisfies ExportedHandler<BenchEnv>;

async function control(what: string, values: URLSearchParams, env: BenchEnv): Promise<Response> {
  const tenant = values.get("tenant") ?? "";
  switch (what) {
    case "hold":
      held = true;
      return Response.json({ held });
    case "go":
      held = false;
      return Response.json({ held });
    case "counts":
      return Response.json(await countsOf(env.DB, tenant));
    case "recorded":
      return Response.json({ done: recorded.get(tenant) ?? 0 });
    case "starts":
      return Response.json(Object.fromEntries(starts));
    case "meter":
      return Response.json(meter);
    case "seed":
      return Response.json({ rows: await seed(env.DB, tenant, Number(values.get("from")), Number(values.get("count"))) });
    case "bury":
      return Response.json({ letters: await bury(env.DB, tenant, Number(values.get("every"))) });
    case "read":
      return Response.json({ rows: await rowsReadBy(env, values) });
    case "walk":
      // As a tick in a minute's time: what has ended by now is behind its marks.
      await passEnded(env.DB, Date.now() + 61_000);
      return Response.json({});
    case "retire":
      return Response.json(await retire(prepare(env)));
    default:
      return new Response(null, { status: 404 });
  }
}

/** Rows that a GET reads of the database, by an app of its own whose bindings count. */
async function rowsReadBy(env: BenchEnv, values: URLSearchParams): Promise<number> {
  const counting = meteredEnv(env);
  app(counting, [...jobs, job(noop, runNoop)]);
  const headers = { authorization: `Bearer ${env.ROOT_TOKEN}`, "jobyard-tenant": values.get("tenant") ?? "", cookie: values.get("cookie") ?? "" };
  const before = meter.rowRead;
  const answer = await worker.fetch(new Request(`http://localhost${values.get("path") ?? "/"}`, { headers }), counting);
  await answer.text();
  return meter.rowRead - before;
}

/** Open are those that may run within the hour: a lead's follow-up of the next day is not waited for. */
async function countsOf(db: D1Database, tenant: string): Promise<{ done: number; open: number }> {
  const sql = `
    SELECT count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE ended IS NULL AND coalesce(due, 0) < ?2) AS open
    FROM jobs WHERE tenant = ?1`;
  return (
    (await db
      .prepare(sql)
      .bind(tenant, Date.now() + day / 24)
      .first<{ done: number; open: number }>()) ?? { done: 0, open: 0 }
  );
}

/** What retention removes of ended jobs when their time has come. */
function retire(env: WorkerEnv): Promise<{ removed: number; tenants: number }> {
  const { remove } = createPayloads(env.PAYLOADS);
  const daysOf = async (tenants: readonly string[]) => new Map(tenants.map((tenant) => [tenant, defaultRetention]));
  return retain({ db: env.DB, daysOf, removePayloads: remove }, Date.now() + 100 * day);
}
