import { env } from "cloudflare:workers";
import { jobs as shipped } from "../../src/jobs";
import { createQueries } from "../../src/ledger/queries";
import type { JobDetail, JobFilter } from "../../src/ledger/views";
import type { EffectState } from "../../src/queue/effect";
import type { CapabilityScope } from "../../src/queue/engine";
import type { Capabilities, Contract, InputOf, Job } from "../../src/queue/job";
import type { EnqueueRequest, Receipt } from "../../src/queue/request";
import type { JobState } from "../../src/queue/state";
// Its sentences come with the job.
import type {} from "./matchers";
import { type BenchOptions, createEngineBench, type EngineBench, idOf } from "./engine";

export interface JobBenchOptions extends Omit<BenchOptions, "capabilities"> {
  /** Default acme. */
  tenant?: string | undefined;
  /** In the place of shipped jobs of the same types, or beside them. */
  jobs?: readonly Job[];
  /** What runs are handed; made for each batch. */
  capabilities?: (scope: CapabilityScope) => Partial<Capabilities>;
}

type RequestOptions = Partial<Omit<EnqueueRequest, "type" | "payload">>;

/** A job as the ledger's readers show it, after a run. `expect(job)` has sentences for it: `test/support/matchers.ts`. */
export interface WorkedJob {
  id: string;
  type: string;
  state: JobState;
  /** Failed tries since the last progress; of a job that is done, the try that was. */
  attempt: number;
  runs: number;
  /** Why it waits, is tried again or has failed. */
  reason: string | null;
  result: unknown;
  /** When it goes on. Milliseconds; null: it does not. */
  due: number | null;
  progress: JobDetail["progress"];
  /** What the next run begins from; null: from the start. */
  cursor: unknown;
  effects: { key: string; state: EffectState; value: unknown }[];
  /** Jobs that it enqueued, in no order. */
  children: { type: string; payload: unknown }[];
  view: JobDetail;
  bench: EngineBench;
  /** Lets time pass until the job goes on, and runs it once more. */
  next(): Promise<WorkedJob>;
  /** Runs what is due now, and what comes of it; no time passes. */
  untilIdle(): Promise<WorkedJob>;
  /** Lets time pass and runs what becomes due, until no message is left. */
  untilEnded(): Promise<WorkedJob>;
  /** Reads it from the ledger again. */
  reload(): Promise<WorkedJob>;
}

export interface JobBench {
  bench: EngineBench;
  /** Accepts a job as our own code sends it; it has not run yet. Throws when its payload is refused. */
  accept<C extends Contract>(contract: C, payload: InputOf<C>, options?: RequestOptions): Promise<WorkedJob>;
  /** Runs what is due now, and what comes of it. */
  untilIdle(): Promise<void>;
  /** Lets so many milliseconds pass, then runs what is due. */
  after(ms: number): Promise<void>;
  job(id: string): Promise<WorkedJob>;
  /** The jobs that fit, the newest first; 200 at most. */
  jobs(filter: JobFilter): Promise<WorkedJob[]>;
}

/** The jobs of one tenant on the real engine and ledger; only the outside world is made up, by `capabilities`. */
export function createJobBench({ tenant = "acme", jobs = [], capabilities, ...options }: JobBenchOptions = {}): JobBench {
  const replaced = new Set(jobs.map(({ contract }) => contract.type));
  const bench = createEngineBench({
    ...options,
    jobs: [...jobs, ...shipped.filter(({ contract }) => !replaced.has(contract.type))],
    capabilities: async (_needs, scope) => capabilities?.(scope) ?? {},
  });
  return {
    bench,
    async accept(contract, payload, more) {
      const [receipt] = await bench.accept([{ tenant, type: contract.type, payload, internal: true, ...more }]);
      return accepted(bench, receipt, more?.tenant ?? tenant);
    },
    untilIdle: () => untilIdle(bench),
    async after(ms) {
      bench.advance(ms);
      await untilIdle(bench);
    },
    job: (id) => read(bench, tenant, id),
    async jobs(filter) {
      const page = await createQueries(env.DB).jobs(tenant, filter, { limit: 200 });
      return Promise.all(page.jobs.map(({ id }) => read(bench, tenant, id)));
    },
  };
}

/** What was accepted, as the ledger shows it. */
export function accepted(bench: EngineBench, receipt: Receipt | undefined, tenant: string): Promise<WorkedJob> {
  return read(bench, tenant, idOf(receipt));
}

async function read(bench: EngineBench, tenant: string, id: string): Promise<WorkedJob> {
  const view = await createQueries(env.DB).job(tenant, id);
  if (!view) throw new Error(`the ledger has no job ${id}`);
  const children = await bench.all<{ type: string; payload: string }>("SELECT type, payload FROM jobs WHERE tenant = ? AND parent = ?", tenant, id);
  const { type, state, attempt, runs, reason, due, progress } = view;
  const then = async (work: Promise<unknown>) => (await work, read(bench, tenant, id));
  return {
    ...{ id, type, state, attempt, runs, reason, due, progress, view, bench },
    cursor: parsed((await bench.row(id))?.cursor ?? null),
    result: parsed(view.result),
    effects: view.effects.map(({ key, state: became, result }) => ({ key, state: became, value: parsed(result) })),
    children: children.map((child) => ({ type: child.type, payload: parsed(child.payload) })),
    next: () => then(next(bench, tenant, id)),
    untilIdle: () => then(untilIdle(bench)),
    untilEnded: () => then(bench.deliverAll()),
    reload: () => then(bench.settle()),
  };
}

async function next(bench: EngineBench, tenant: string, id: string): Promise<void> {
  const [message] = bench.messagesOf(id);
  const { due } = (await createQueries(env.DB).job(tenant, id)) ?? {};
  bench.advance(Math.max(0, (message?.at ?? due ?? 0) - bench.now()));
  // What waits for long has no message: the tick sends one.
  if (!message) await bench.tick();
  await bench.deliver(bench.messagesOf(id));
  await bench.settle();
}

async function untilIdle(bench: EngineBench): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const due = bench.held.filter(({ at }) => at <= bench.now());
    if (due.length === 0) return bench.settle();
    for (const group of Map.groupBy(due, ({ queue }) => queue).values()) await bench.deliver(group.slice(0, 25));
  }
  throw new Error("messages are due after 200 rounds");
}

function parsed(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}
