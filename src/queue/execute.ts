import { createContext } from "./context";
import { enterGates } from "./run/enter-gates";
import type { CapabilityScope, Engine, Missing } from "./engine";
import type { Execution } from "./execution";
import type { CallResult } from "./ports/gates";
import type { Capabilities, Contract, Need, Run, RunBatch } from "./job";
import { lastStart } from "./lease";
import { load } from "./run/load";
import { discard } from "./outcome";
import type { Settler } from "./settler";
import { Share, type QueueBatch } from "./run/share";
import { Timeout, withTimeout } from "./run/timeout";
import { inPool } from "../in-pool";
import { traceOf, traceparentFrom } from "../trace";
import { interleaved } from "./tick/turns";

/** Brings each execution to its decision, or hands it back unstarted: by type, side by side up to the policy's concurrency. Never throws. */
export async function executeAll(engine: Engine, executions: readonly Execution[], settler: Settler, batch: QueueBatch): Promise<void> {
  const types = Map.groupBy(executions, ({ definition }) => definition);
  await Promise.all([...types.values()].map((each) => executeType(engine, each, settler, batch)));
}

async function executeType(engine: Engine, executions: readonly Execution[], settler: Settler, batch: QueueBatch): Promise<void> {
  const [{ contract }] = executions as readonly [Execution];
  const timeout = new Timeout(engine, contract.policy.timeout);
  if (contract.batch) {
    await performTogether(engine, await ready(engine, executions, settler), settler, timeout);
  } else {
    // A large payload is loaded when its run starts: a batch of them would fill the isolate.
    const [inline, stored] = [executions.filter(isInline), executions.filter((each) => !isInline(each))];
    const width = contract.policy.concurrency;
    const all = interleavedByTenant([...(await ready(engine, inline, settler)), ...stored]);
    giveShares(all, width, batch);
    const start = async (execution: Execution) => {
      const mayStart = execution.share?.mayStart() ?? true;
      if (mayStart === false || (mayStart !== true && !(await mayStart))) return settler.take(execution);
      if (isInline(execution)) return perform(engine, execution, settler, timeout);
      for (const loaded of await ready(engine, [execution], settler)) await perform(engine, loaded, settler, timeout);
    };
    await inPool(all, width, start);
  }
  timeout.close();
}

function isInline({ envelope }: Execution): boolean {
  return envelope.payload !== undefined;
}

/** Those that may run now: loaded, let in at their gates, the urgent first. The settler takes the others. */
async function ready(engine: Engine, executions: readonly Execution[], settler: Settler): Promise<Execution[]> {
  const loaded = await load(engine, executions);
  const admitted = await enterGates(engine, loaded.toSorted(byUrgency));
  if (admitted.length < executions.length) {
    const may = new Set(admitted);
    for (const execution of executions) if (!may.has(execution)) settler.take(execution);
  }
  return admitted;
}

/** Alternates between tenants, so that the many jobs of one do not delay the first job of another; urgent jobs go first. */
function interleavedByTenant(executions: readonly Execution[]): readonly Execution[] {
  const [first] = executions;
  if (!first || executions.every(({ envelope }) => envelope.tenant === first.envelope.tenant)) return executions;
  const urgent = executions.filter((each) => each.urgent);
  const others = executions.filter((each) => !each.urgent);
  return [urgent, others].flatMap((all) => interleaved([...Map.groupBy(all, ({ envelope }) => envelope.tenant).values()]));
}

/** A share is needed only where a tenant has more jobs than run side by side; in `overflow` all tenants have one share together. */
function giveShares(executions: readonly Execution[], width: number, batch: QueueBatch): void {
  // Types with concurrency 1 have small batches, of which the platform runs many side by side; on `overflow` fewer would run.
  if (executions.length <= width || width === 1) return;
  for (const [tenant, own] of Map.groupBy(executions, ({ envelope }) => (batch.isOverflow ? "" : envelope.tenant))) {
    if (own.length <= width) continue;
    const share = new Share(batch, tenant, own.length, width);
    for (const execution of own) execution.share = share;
  }
}

/** The urgent first, else the order in which they came. */
function byUrgency(left: Execution, right: Execution): number {
  return Number(right.urgent) - Number(left.urgent);
}

async function perform(engine: Engine, execution: Execution, settler: Settler, timeout: Timeout): Promise<void> {
  const { contract, payload } = execution;
  if (engine.now() >= lastStart(settler.deadline, contract.policy)) return settler.take(execution);
  settler.start(execution);
  const returned = await withTimeout(engine, timeout, [execution], async () => {
    const context = createContext(engine, execution) as Parameters<Run<Contract>>[1];
    const capabilities = contract.needs.length > 0 && (await provideOne(engine, execution));
    if (capabilities && "missing" in capabilities) return discard(String(capabilities.missing));
    return (execution.definition.run as Run<Contract>)(payload, capabilities ? Object.assign(context, capabilities) : context);
  });
  execution.share?.ran(engine.now() - execution.startedAt);
  execution.decideBy(returned);
  settler.take(execution);
}

function provideOne(engine: Engine, execution: Execution): Promise<Pick<Capabilities, Need> | Missing> {
  const { tenant, at } = execution.job;
  return provide(engine, [execution], () => ({ tenant, at, signal: execution.signal, traceparent: () => traceparentFrom(traceOf(execution.envelope)) }));
}

async function performTogether(engine: Engine, executions: readonly Execution[], settler: Settler, timeout: Timeout): Promise<void> {
  const [first] = executions;
  if (!first) return;
  for (const execution of executions) settler.start(execution);
  const all = new AbortController();
  const work = async () => {
    const capabilities = await provide(engine, executions, () => ({ tenant: null, at: engine.now(), signal: all.signal }));
    if ("missing" in capabilities) return executions.map(() => discard(String(capabilities.missing)));
    const items = executions.map((execution) => ({ payload: execution.payload, context: createContext(engine, execution) }));
    return (first.definition.run as RunBatch<Contract>)(items, capabilities, all.signal);
  };
  const returned = await withTimeout(engine, timeout, executions, work, () => all.abort());
  for (const [index, execution] of executions.entries()) {
    execution.decideBy(Array.isArray(returned) ? returned[index] : returned);
    settler.take(execution);
  }
}

/** What the jobs declared they need. The registry ties a contract to its run, and the composition root makes exactly what the contract names. */
async function provide(
  engine: Engine,
  executions: readonly Execution[],
  scopeOf: () => Omit<CapabilityScope, "onResult">,
): Promise<Pick<Capabilities, Need> | Missing> {
  const needs = executions[0]?.contract.needs ?? [];
  if (needs.length === 0) return {} as Pick<Capabilities, Need>;
  const onResult = (gate: string, call: CallResult) => {
    for (const execution of executions) {
      const calls = (execution.calls ??= new Map());
      if (calls.get(gate) !== "answered") calls.set(gate, call);
    }
  };
  return engine.capabilities(needs, { ...scopeOf(), onResult }) as Promise<Pick<Capabilities, Need> | Missing>;
}
