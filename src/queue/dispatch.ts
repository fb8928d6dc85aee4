import { finish, leaveGates, start, type Batch, type Ready, type Task } from "./batch";
import { createContext, type RunState } from "./context";
import type { CapabilityScope, Engine, Missing } from "./engine";
import type { CallClass } from "./gates";
import type { Capabilities, Contract, Need, Policy, Run, RunBatch } from "./job";
import { discard } from "./outcome";
import { ready } from "./ready";
import { withTimeout } from "./timeout";

/** A run may go on this long after the batch's deadline: half of the lease's margin. Milliseconds. */
const overrun = 30_000;

/** Runs all tasks of one type, side by side up to the policy's concurrency, or at once for a batch handler. Never throws. */
export async function dispatch(engine: Engine, batch: Batch, tasks: readonly Task[]): Promise<void> {
  const [first] = tasks;
  if (!first) return;
  const { contract } = first.definition;
  if (contract.batch) return runTogether(engine, batch, await ready(engine, batch, tasks), first.definition.run as RunBatch<Contract>);
  // A large payload is loaded when its run starts: a batch of them would fill the isolate.
  const light = await ready(engine, batch, tasks.filter(isLight));
  const starts = [
    ...light.map((each) => () => runOne(engine, batch, each)),
    ...tasks
      .filter((task) => !isLight(task))
      .map((task) => async () => {
        for (const each of await ready(engine, batch, [task])) await runOne(engine, batch, each);
      }),
  ];
  await inPool(starts, contract.policy.concurrency, (start) => start());
}

/** No run starts after this: it could not end within the batch's lease. Milliseconds. */
export function lastStart(deadline: number, policy: Policy): number {
  return deadline - Math.max(0, policy.timeout * 1000 - overrun);
}

function isLight({ envelope }: Task): boolean {
  return envelope.payload !== undefined;
}

async function runOne(engine: Engine, batch: Batch, each: Ready): Promise<void> {
  const { task, run } = each;
  if (engine.now() >= lastStart(batch.deadline, run.contract.policy)) {
    leaveGates(batch, each);
    return batch.unstarted(task);
  }
  start(engine, batch, run);
  const outcome = await withTimeout(engine, [run], async (signal) => {
    const capabilities = await provide(engine, [run], { tenant: run.job.tenant, at: run.job.at, signal });
    if ("missing" in capabilities) return discard(String(capabilities.missing));
    const context = { ...createContext(engine, run), ...capabilities } as Parameters<Run<Contract>>[1];
    return (task.definition.run as Run<Contract>)(each.payload, context);
  });
  leaveGates(batch, each, outcome);
  finish(engine, batch, task, run, outcome);
}

async function runTogether(engine: Engine, batch: Batch, all: readonly Ready[], handler: RunBatch<Contract>) {
  if (all.length === 0) return;
  const runs = all.map(({ run }) => run);
  for (const run of runs) start(engine, batch, run);
  const outcomes = await withTimeout(engine, runs, async (signal) => {
    const capabilities = await provide(engine, runs, { tenant: null, at: engine.now(), signal });
    if ("missing" in capabilities) return all.map(() => discard(String(capabilities.missing)));
    const items = all.map(({ run, payload }) => ({ payload, context: createContext(engine, run) }));
    return handler(items, capabilities, signal);
  });
  for (const [index, each] of all.entries()) {
    const said: unknown = Array.isArray(outcomes) ? outcomes[index] : outcomes;
    leaveGates(batch, each, said);
    finish(engine, batch, each.task, each.run, said);
  }
}

async function provide(engine: Engine, runs: readonly RunState[], scope: Omit<CapabilityScope, "onCall">): Promise<Pick<Capabilities, Need> | Missing> {
  const needs = runs[0]?.contract.needs ?? [];
  const onCall = (gate: string, call: CallClass) => {
    for (const { calls } of runs) if (calls.get(gate) !== "answered") calls.set(gate, call);
  };
  // The registry ties a contract to its run, and the composition root makes exactly what the contract names.
  if (needs.length === 0) return {} as Pick<Capabilities, Need>;
  return engine.capabilities(needs, { ...scope, onCall }) as Promise<Pick<Capabilities, Need> | Missing>;
}

async function inPool<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
