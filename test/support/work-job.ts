import type { CapabilityScope } from "../../src/queue/engine";
import { type Capabilities, type Contract, type InputOf, job as pair, type Need, type NeedsOf, type Run, type RunBatch } from "../../src/queue/job";
import type { BenchOptions } from "./engine";
import { accepted, createJobBench, type WorkedJob } from "./job-bench";

export type { WorkedJob } from "./job-bench";

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
  requests: readonly { payload: InputOf<C>; tenant?: string | undefined; dryRun?: boolean | undefined }[],
  { capabilities, isDown, ...rest }: Omit<WorkOptions<C>, "tenant" | "dryRun"> = {},
): Promise<WorkedJob[]> {
  const handed = typeof capabilities === "function" ? capabilities : () => capabilities ?? {};
  const { bench } = createJobBench({ ...rest, jobs: [pair(contract, run)], capabilities: handed });
  const receipts = await bench.accept(
    requests.map(({ payload, tenant = "acme", dryRun = false }) => ({ tenant, type: contract.type, payload, internal: true, dryRun })),
  );
  bench.faults.ledger = isDown ?? false;
  await bench.deliver([...bench.held]);
  bench.faults.ledger = false;
  await bench.settle();
  return Promise.all(receipts.map((receipt, index) => accepted(bench, receipt, requests[index]?.tenant ?? "acme")));
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
