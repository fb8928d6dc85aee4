import { createContext } from "./context";
import type { ActiveRun } from "./active-run";
import { enterGates } from "./run/enter-gates";
import type { CapabilityScope, Engine, Missing } from "./engine";
import { type Execution, isLoaded, type LoadedExecution } from "./execution";
import type { CallResult } from "./ports/gates";
import type { Capabilities, Contract, Need, Run, RunBatch } from "./job";
import { lastStart } from "./lease";
import { load } from "./run/load";
import { discard } from "./outcome";
import type { Settler } from "./settler";
import type { QueueBatch } from "./run/queue-batch";
import { Share } from "./run/share";
import { Timeout, withTimeout } from "./run/timeout";
import { inPool } from "../in-pool";
import { traceOf, traceparentFrom } from "../trace";
import { interleaved } from "./tick/turns";

/** Brings each execution to its decision, or hands it back unstarted: by type, side by side up to the policy's concurrency. Never throws. */
export async function executeAll(engine: Engine, executions: readonly Execution[], settler: Settler, batch: QueueBatch): Promise<void> {
  const types = Map.groupBy(executions, ({ delivery }) => delivery.definition);
  await Promise.all([...types.values()].map((each) => executeType(engine, each, settler, batch)));
}

async function executeType(engine: Engine, executions: readonly Execution[], settler: Settler, batch: QueueBatch): Promise<void> {
  const [{ delivery }] = executions as readonly [Execution];
  const timeout = new Timeout(engine, delivery.contract.policy.timeout);
  if (delivery.contract.batch) await performTogether(engine, await ready(engine, executions, settler), settler, timeout);
  else await performSingly(engine, executions, settler, timeout, batch);
  timeout.close();
}

/** Each execution by itself, at most `policy.concurrency` at once. */
async function performSingly(engine: Engine, executions: readonly Execution[], settler: Settler, timeout: Timeout, batch: QueueBatch): Promise<void> {
  const [{ delivery }] = executions as readonly [Execution];
  const width = delivery.contract.policy.concurrency;
  // A large payload is loaded when its run starts: a batch of them would fill the isolate.
  const inline = executions.filter((each) => each.delivery.isInline);
  const stored = executions.filter((each) => !each.delivery.isInline);
  const all = interleavedByTenant([...(await ready(engine, inline, settler)), ...stored]);
  giveShares(all, width, batch);
  await inPool(all, width, async (execution) => {
    const mayStart = execution.share?.mayStart() ?? true;
    if (mayStart !== true && !(await mayStart)) return settler.take(execution);
    if (isLoaded(execution)) return perform(engine, execution, settler, timeout);
    for (const loaded of await ready(engine, [execution], settler)) await perform(engine, loaded, settler, timeout);
  });
}

/** Those that may run now: loaded, let in at their gates, the urgent first. The settler takes the others. */
async function ready(engine: Engine, executions: readonly Execution[], settler: Settler): Promise<LoadedExecution[]> {
  const loaded = await load(engine, executions);
  const admitted = await enterGates(engine, loaded.toSorted(byUrgency));
  if (admitted.length < executions.length) {
    const may = new Set<Execution>(admitted);
    for (const execution of executions) if (!may.has(execution)) settler.take(execution);
  }
  return admitted;
}

/** Alternates between tenants, so that the many jobs of one do not delay the first job of another; urgent jobs go first. */
function interleavedByTenant(executions: readonly Execution[]): readonly Execution[] {
  const [first] = executions;
  if (!first || executions.every(({ job }) => job.tenant === first.job.tenant)) return executions;
  const urgent = executions.filter(isUrgent);
  const others = executions.filter((each) => !isUrgent(each));
  return [urgent, others].flatMap((all) => interleaved([...Map.groupBy(all, ({ job }) => job.tenant).values()]));
}

/** A share is needed only where a tenant has more jobs than run side by side; in `overflow` all tenants have one share together. */
function giveShares(executions: readonly Execution[], width: number, batch: QueueBatch): void {
  // Types with concurrency 1 have small batches, of which the platform runs many side by side; on `overflow` fewer would run.
  if (executions.length <= width || width === 1) return;
  for (const [tenant, own] of Map.groupBy(executions, ({ job }) => (batch.isOverflow ? "" : job.tenant))) {
    if (own.length <= width) continue;
    const share = new Share(batch, tenant, own.length, width);
    for (const execution of own) execution.share = share;
  }
}

/** The urgent first, else the order in which they came. */
function byUrgency(left: Execution, right: Execution): number {
  return Number(isUrgent(right)) - Number(isUrgent(left));
}

function isUrgent({ input }: Execution): boolean {
  return input?.urgent ?? false;
}

async function perform(engine: Engine, execution: LoadedExecution, settler: Settler, timeout: Timeout): Promise<void> {
  const { contract, definition } = execution.delivery;
  if (engine.now() >= lastStart(settler.deadline, contract.policy)) return settler.take(execution);
  const run = settler.start(execution);
  const returned = await withTimeout(engine, timeout, [run], async () => {
    const context = createContext(engine, run) as Parameters<Run<Contract>>[1];
    const capabilities = contract.needs.length > 0 && (await provideOne(engine, run));
    if (capabilities && "missing" in capabilities) return discard(String(capabilities.missing));
    return (definition.run as Run<Contract>)(run.payload, capabilities ? Object.assign(context, capabilities) : context);
  });
  execution.share?.ran(engine.now() - run.startedAt);
  execution.decideBy(returned);
  settler.take(execution);
}

function provideOne(engine: Engine, run: ActiveRun): Promise<Pick<Capabilities, Need> | Missing> {
  const { tenant, at } = run.job;
  return provide(engine, [run], () => ({ tenant, at, signal: run.signal, traceparent: () => traceparentFrom(traceOf(run.delivery.envelope)) }));
}

async function performTogether(engine: Engine, executions: readonly LoadedExecution[], settler: Settler, timeout: Timeout): Promise<void> {
  const [first] = executions;
  if (!first) return;
  const runs = executions.map((each) => settler.start(each));
  const all = new AbortController();
  const work = async () => {
    const capabilities = await provide(engine, runs, () => ({ tenant: null, at: engine.now(), signal: all.signal }));
    if ("missing" in capabilities) return runs.map(() => discard(String(capabilities.missing)));
    const items = runs.map((run) => ({ payload: run.payload, context: createContext(engine, run) }));
    return (first.delivery.definition.run as RunBatch<Contract>)(items, capabilities, all.signal);
  };
  const returned = await withTimeout(engine, timeout, runs, work, () => all.abort());
  for (const [index, execution] of executions.entries()) {
    execution.decideBy(Array.isArray(returned) ? returned[index] : returned);
    settler.take(execution);
  }
}

/** What the jobs declared they need. The registry ties a contract to its run, and the composition root makes exactly what the contract names. */
async function provide(
  engine: Engine,
  runs: readonly ActiveRun[],
  scopeOf: () => Omit<CapabilityScope, "onResult">,
): Promise<Pick<Capabilities, Need> | Missing> {
  const needs = runs[0]?.contract.needs ?? [];
  if (needs.length === 0) return {} as Pick<Capabilities, Need>;
  const onResult = (gate: string, call: CallResult) => {
    for (const run of runs) {
      const calls = (run.calls ??= new Map());
      if (calls.get(gate) !== "answered") calls.set(gate, call);
    }
  };
  return engine.capabilities(needs, { ...scopeOf(), onResult }) as Promise<Pick<Capabilities, Need> | Missing>;
}
