import { env } from "cloudflare:workers";
import * as v from "valibot";
import { createWork } from "../../src/app/work";
import type { WorkerEnv } from "../../src/env";
import { createIntake } from "../../src/intake/router";
import { createQueries } from "../../src/ledger/queries";
import { personal } from "../../src/masking/personal";
import { enqueue } from "../../src/queue/enqueue";
import type { EnqueueRequest } from "../../src/queue/request";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { remoteJob } from "../../src/queue/run/remote";
import { type CallOptions, requestOf } from "../intake/calls";
import { createIntakeBench, root } from "../intake/bench";
import { describedRoutes } from "./described-routes";
import { createEngineBench, type BenchOptions } from "./engine";

/** A remote type with all that a policy has. */
export const chore = defineJob({
  type: "chore",
  queue: "events",
  remote: true,
  lease: 60,
  heartbeat: 20,
  startWithin: 30,
  version: 2,
  upgrade: (payload) => ({ name: (payload as { old: string }).old }),
  policy: { maxAttempts: 3, backoff: { base: 1, cap: 60 }, concurrency: 100, timeout: 3600, maxAge: 3 * 24 * 3600 },
  gates: (payload) => (payload.gate ? [payload.gate] : []),
  payload: v.strictObject({
    name: v.optional(v.pipe(v.string(), personal())),
    gate: v.optional(v.string()),
    text: v.optional(v.string()),
  }),
  result: v.object({ made: v.number() }),
});

export const errand = defineJob({
  type: "errand",
  queue: "events",
  remote: true,
  policy: { concurrency: 2 },
  payload: v.strictObject({ name: v.optional(v.string()) }),
});
const inner = defineJob({ type: "inner", queue: "events", payload: v.strictObject({ n: v.number() }) });
const hidden = defineJob({ type: "hidden", queue: "events", internal: true, payload: v.strictObject({}) });

// oxlint-disable-next-line no-explicit-any -- tests look into answers of every shape
type Json = any;

export interface Answered {
  status: number;
  body: Json;
  headers: Headers;
}

/** An engine on the real ledger, with the public interface of remote workers before it. */
export function createWorkBench(options: BenchOptions = {}) {
  const jobs = [remoteJob(chore), remoteJob(errand), job(inner, async () => done()), job(hidden, async () => done())];
  const bench = createEngineBench({ jobs, ...options });
  const outside = createIntakeBench();
  const voids: { tenant: string; type: string; count: number }[] = [];
  const counters = { add: (tenant: string, type: string, _event: string, _ms: number, count = 1) => void voids.push({ tenant, type, count }) };
  const work = createWork({ env: { ...env, DB: options.db ?? env.DB } as WorkerEnv, engine: bench.engine, counters });
  const waits: number[] = [];
  work.pause = async (milliseconds) => {
    waits.push(milliseconds);
    bench.advance(milliseconds);
  };
  const { engine } = bench;
  const queries = createQueries(env.DB);
  const described = describedRoutes();
  const deps = {
    ...outside.deps,
    now: bench.now,
    registry: engine.registry,
    work,
    enqueue: (requests: readonly EnqueueRequest[]) => enqueue(engine, requests),
    ids: { ...outside.deps.ids, belongs: (tenant: string, id: string) => engine.ids.belongs(tenant, id) },
  };
  const intake = createIntake(deps, described.table);
  const call = async (method: string, path: string, how: CallOptions): Promise<Answered> => {
    const response = await intake(requestOf(method, path, how));
    const text = await response.text();
    described.check();
    return { status: response.status, headers: response.headers, body: text === "" ? undefined : (JSON.parse(text) as Json) };
  };
  let names = 0;
  const self = {
    ...bench,
    work,
    waits,
    voids,
    call,
    /** A tenant of its own with a worker's token. */
    async tenant(scopes: ("work" | "read" | "operate" | "admin")[] = ["work"], types?: string[]) {
      const name = `work-${names++}-${crypto.randomUUID().slice(0, 8)}`;
      await outside.deps.tenants.put(name, { name }, bench.now());
      const mint = (granted: string[], bound?: string[]) =>
        outside.deps.tokens.create(name, { name: "worker", scopes: granted, ...(bound ? { types: bound } : {}) }, bench.now());
      const { token } = await mint(scopes, types);
      return {
        name,
        token,
        mint: async (granted: string[], bound?: string[]) => (await mint(granted, bound)).token,
        /** A job of it, as operators see it. */
        job: (id: string) => queries.job(name, id),
        jobs: async () => (await queries.jobs(name, {}, { limit: 200 })).jobs,
        deadLetters: async () => (await queries.deadLetters(name, {}, { limit: 200 })).deadLetters,
        /** How many of its jobs lie on the shelf or wait at a gate. */
        parked: async () => (await queries.backlog(name)).parked,
        post: (path: string, body?: unknown, how: Partial<CallOptions> = {}) =>
          call("POST", `/v1/work${path}`, { token, ...(body === undefined ? {} : { body }), ...how }),
        put: (path: string, body: unknown) => call("PUT", `/v1/work${path}`, { token, body }),
        /** Pulls without waiting. */
        pull: (more: Record<string, unknown> = {}) => call("POST", "/v1/work/pull", { token, body: { ...pullBody(), ...more } }),
        /** Enqueues and brings the jobs onto the shelf. */
        async offer(count = 1, type = "chore", payload: unknown = {}) {
          const receipts = await bench.accept(Array.from({ length: count }, () => ({ tenant: name, type, payload })));
          const ids = receipts.map((each) => (each.ok ? each.id : ""));
          await self.shelve();
          return ids;
        },
        async one(more: Record<string, unknown> = {}) {
          const { body } = await call("POST", "/v1/work/pull", { token, body: { ...pullBody(), ...more } });
          return body.jobs[0] as Json;
        },
      };
    },
    root: (path: string, body: unknown, tenant?: string) => call("POST", `/v1/work${path}`, { token: root, body, ...(tenant ? { tenant } : {}) }),
    /** Delivers what is due now to the consumer. */
    async shelve() {
      const due = bench.held.filter(({ at }) => at <= bench.now());
      for (let from = 0; from < due.length; from += 100) await bench.deliver(due.slice(from, from + 100));
      await bench.settle();
    },
    events: bench.events,
  };
  return self;
}

export type WorkBench = ReturnType<typeof createWorkBench>;

export function pullBody() {
  return { worker: "w1", pullId: crypto.randomUUID() as string, types: ["chore"], max: 1, waitSeconds: 0 };
}
