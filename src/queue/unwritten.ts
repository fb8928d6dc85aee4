import type { EffectRecord } from "./effect";
import type { Engine } from "./engine";
import { keyOf } from "./ref";
import type { JobRef } from "./ledger";

/** The oldest are forgotten first: what is lost is a guard for providers that have none of their own. */
const most = 2000;

/** Effects that happened and that the ledger did not take, by job and key. Per isolate. */
const unwritten = new WeakMap<Engine, Map<string, EffectRecord>>();

/** It happened, and the ledger could not be told: the job's next run in this isolate shall know. */
export function remember(engine: Engine, job: JobRef, effect: EffectRecord): void {
  const all = unwritten.get(engine) ?? new Map<string, EffectRecord>();
  unwritten.set(engine, all);
  all.set(nameOf(job, effect.key), effect);
  const oldest = all.size > most ? all.keys().next().value : undefined;
  if (oldest !== undefined) all.delete(oldest);
}

/** What this isolate knows to have happened in that revision of the job, and the ledger may not. */
export function recall(engine: Engine, job: JobRef, key: string, revision: number): EffectRecord | undefined {
  const effect = unwritten.get(engine)?.get(nameOf(job, key));
  return effect?.revision === revision ? effect : undefined;
}

export function forget(engine: Engine, job: JobRef, key: string): void {
  unwritten.get(engine)?.delete(nameOf(job, key));
}

function nameOf(job: JobRef, key: string): string {
  return `${keyOf(job)}/${key}`;
}
