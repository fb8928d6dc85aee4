import { env } from "cloudflare:workers";
import { jobs } from "../../src/jobs";
import { createQueries } from "../../src/ledger/queries";
import type { JobDetail } from "../../src/ledger/views";
import type { CapabilityScope } from "../../src/queue/engine";
import type { EffectState } from "../../src/queue/effect";
import { type Capabilities, type Contract, type InputOf, job as pair, type Need, type NeedsOf, type Run, type RunBatch } from "../../src/queue/job";
import type { JobState } from "../../src/queue/state";
// Its sentences come with the job.
import type {} from "./matchers";
import { createEngineBench, type EngineBench, type BenchOptions, idOf } from "./engine";

/** What the run is handed of the capabilities that its contract needs: as they are, or made for each run. */
export type Handed<C extends Contract> = Pick<Capabilities, NeedsOf<C> & Need>;

type RunOf<C extends Contract> = C["batch"] extends true ? RunBatch<C> : Run<C>;

export interface WorkOptions<C extends Contract> extends Pick<BenchOptions, "start" | "db"> {
  /** Default acme. */
  tenant?: string;
  dryRun?: boolean;
  /** Whether this call of the ledger fails while the job runs first. */
  isDown?: (call: string) => boolean;
  /** Left out by a job that needs none. */
  capabilities?: Handed<C> | ((scope: CapabilityScope) => Handed<C>);
}

/** A job as the ledger's readers show it, after a run. `expect(job)` has sentences for it: `test/support/matchers.ts`. */
export interface WorkedJob {
  id: string;
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
}

/**
 * Takes one job the whole way through the real engine: accepted, sent, claimed, run once, settled. Only the outside world is made up, by `capabilities`.
 * Throws when the payload is refused; it is sent as our own code sends it. What the run enqueues is accepted and not run.
 */
export async function workJob<C extends Contract>(contract: C, run: RunOf<C>, payload: InputOf<C>, options: WorkOptions<C> = {}): Promise<WorkedJob> {
  const { tenant, dryRun, ...rest } = options;
  const [worked] = await workJobs(contract, run, [{ payload, tenant, dryRun }], rest);
  return worked!;
}

/** The same with several jobs, whose messages come in one batch. */
export async function workJobs<C extends Contract>(
  contract: C,
  run: RunOf<C>,
  asked: readonly { payload: InputOf<C>; tenant?: string | undefined; dryRun?: boolean | undefined }[],
  { capabilities, isDown, ...rest }: Omit<WorkOptions<C>, "tenant" | "dryRun"> = {},
): Promise<WorkedJob[]> {
  const others = jobs.filter((each) => each.contract.type !== contract.type);
  const handed = typeof capabilities === "function" ? capabilities : () => capabilities ?? {};
  const bench = createEngineBench({ ...rest, jobs: [pair(contract, run), ...others], capabilities: async (_needs, scope) => handed(scope) });
  const receipts = await bench.accept(
    asked.map(({ payload, tenant = "acme", dryRun = false }) => ({ tenant, type: contract.type, payload, internal: true, dryRun })),
  );
  bench.faults.ledger = isDown ?? false;
  await bench.deliver([...bench.held]);
  bench.faults.ledger = false;
  await bench.settle();
  return Promise.all(receipts.map((receipt, index) => read(bench, asked[index]?.tenant ?? "acme", idOf(receipt))));
}

/** A run that the Worker's end cuts off when all is done but nothing of its end recorded; the next one is left alone. */
export function cutOffOnce<C extends Contract>(run: Run<C>): Run<C> {
  let runs = 0;
  return async (payload, context) => {
    const outcome = await run(payload, context);
    if (runs++ === 0) throw new Error("cut off at its end");
    return outcome;
  };
}

async function next(bench: EngineBench, tenant: string, id: string): Promise<WorkedJob> {
  const [message] = bench.messagesOf(id);
  const { due } = (await createQueries(env.DB).job(tenant, id)) ?? {};
  bench.advance(Math.max(0, (message?.at ?? due ?? 0) - bench.now()));
  // What waits for long has no message: the tick sends one.
  if (!message) await bench.tick();
  await bench.deliver(bench.messagesOf(id));
  await bench.settle();
  return read(bench, tenant, id);
}

async function read(bench: EngineBench, tenant: string, id: string): Promise<WorkedJob> {
  const view = await createQueries(env.DB).job(tenant, id);
  if (!view) throw new Error(`the ledger has no job ${id}`);
  const children = await bench.all<{ type: string; payload: string }>("SELECT type, payload FROM jobs WHERE tenant = ? AND parent = ?", tenant, id);
  const { state, attempt, runs, reason, due, progress } = view;
  return {
    ...{ id, state, attempt, runs, reason, due, progress, view, bench },
    cursor: parsed((await bench.row(id))?.cursor ?? null),
    result: parsed(view.result),
    effects: view.effects.map(({ key, state: became, result }) => ({ key, state: became, value: parsed(result) })),
    children: children.map(({ type, payload }) => ({ type, payload: parsed(payload) })),
    next: () => next(bench, tenant, id),
  };
}

function parsed(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}
