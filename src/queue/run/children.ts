import type { Engine } from "../engine";
import { accept } from "../enqueue";
import type { ChildOptions, Contract, InputOf } from "../job";
import type { ActiveRun } from "../active-run";
import { firstName, prepare } from "../accept/prepare";
import { traceOfChild } from "../../trace";

/** Thrown into a run whose child cannot be accepted right now: no failure of the run, which waits and is repeated. */
export class HeldBack extends Error {
  override readonly name = "HeldBack";
  constructor(
    reason: string,
    /** Milliseconds. */
    readonly until: number,
  ) {
    super(reason);
  }
}

/** Enqueues a child under an id that follows from its parent and key. Throws when it cannot be accepted now: the run is repeated and repeats nothing. */
export async function enqueueChild<C extends Contract>(
  engine: Engine,
  run: ActiveRun,
  contract: C,
  payload: InputOf<C>,
  options: ChildOptions,
): Promise<string> {
  const { tenant, id } = run.job;
  const request = {
    tenant,
    type: contract.type,
    payload,
    delaySeconds: options.delaySeconds,
    dryRun: run.delivery.dry,
    trace: traceOfChild(run.delivery.envelope),
  };
  const prepared = await prepare(engine, request, { derivedFrom: { parts: childParts(id, contract, options.key), parent: id } });
  const receipt = "envelope" in prepared ? await accept(engine, prepared) : prepared;
  if (!receipt.ok && receipt.retryAfter !== undefined)
    throw new HeldBack(`child "${options.key}": ${receipt.detail}`, engine.now() + receipt.retryAfter * 1000);
  if (!receipt.ok) throw new Error(`child "${options.key}" of type ${contract.type} was refused: ${receipt.detail}`);
  return receipt.id;
}

/** Cancels the child of that key; one that has ended, or never was, is left alone. */
export async function cancelChild(engine: Engine, run: ActiveRun, contract: Contract, key: string): Promise<void> {
  const { tenant, id } = run.job;
  const child = await engine.ids.derive(tenant, childParts(id, contract, key));
  await engine.ledger.cancel({ tenant, id: child }, engine.now());
}

function childParts(parent: string, contract: Contract, key: string): readonly string[] {
  return ["child", parent, firstName(contract), key];
}
