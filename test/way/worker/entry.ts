import worker from "../../../src/index";
import { app } from "../../../src/app";
import type { WorkerEnv } from "../../../src/env";
import { routes } from "../../../src/intake/routes";
import { jobs } from "../../../src/jobs";
import { email } from "../../../src/jobs/email/job";
import { runEmail } from "../../../src/jobs/email/run";
import { job } from "../../../src/queue/job";
import { die } from "./abort";
import { faultyEnv, hurried } from "./faulty-env";
import { migrated } from "./migrated";
import { follow, scripted } from "./scripted";
import { counted, flip, flipBack, passWhenIdle, switches, type Switches } from "./switches";

/**
 * The Worker of the stories: the real one over bindings that can be troubled, with one job type more and an email that is
 * tried again sooner. What the product does not have, a story reaches under /__test.
 */
export { Gate } from "../../../src/index";

const quickEmail = { ...email, policy: { ...email.policy, backoff: { base: 1, cap: 1 }, timeout: 5, concurrency: 50 } };
const definitions = [...jobs.filter(({ contract }) => contract.type !== email.type), job(quickEmail, runEmail), job(scripted, follow)];

let made: WorkerEnv | undefined;

function troubled(env: WorkerEnv): WorkerEnv {
  made ??= faultyEnv(env);
  app(made, definitions);
  return made;
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/__test/")) return control(pathname.slice("/__test/".length), request, env);
    return worker.fetch(request, troubled(env));
  },
  queue: (batch, env) => counted(async () => worker.queue(hurried(batch), troubled(env))),
  scheduled: (controller, env) => worker.scheduled(controller, troubled(env)),
} satisfies ExportedHandler<WorkerEnv>;

async function control(what: string, request: Request, { DB }: WorkerEnv): Promise<Response> {
  if (what === "switch") return Response.json(flip(await request.json<Partial<Switches>>()));
  if (what === "pass") return Response.json(passWhenIdle(await request.json<number>()));
  if (what === "calm") return (void flipBack(), Response.json(switches));
  if (what === "migrate") return Response.json(await migrated(DB, await request.json()));
  if (what === "rows") return Response.json(await rows(DB, await request.json()));
  if (what === "abort") return die();
  return Response.json(routes.map(({ method, path, name, scope, tenant }) => ({ method, path, name, scope, tenant })));
}

async function rows(db: D1Database, { sql, values }: { sql: string; values: unknown[] }): Promise<unknown[]> {
  const statement = db.prepare(sql).bind(...values);
  return (await statement.all()).results;
}
