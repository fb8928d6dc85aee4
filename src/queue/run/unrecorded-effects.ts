import type { EffectRecord } from "../effect";
import type { JobRef } from "../ports/job-row";
import { keyOf } from "../ref";

/** Beyond this the oldest are dropped; a dropped one protects no longer where the provider itself recognises no repeat. */
const maxEffects = 2000;

/** Effects that happened and that the ledger did not record, by job and key. One per isolate: the job's next run in it must not repeat them. */
export class UnrecordedEffects {
  private readonly all = new Map<string, EffectRecord>();

  add(job: JobRef, effect: EffectRecord): void {
    this.all.set(effectName(job, effect.key), effect);
    const oldest = this.all.size > maxEffects ? this.all.keys().next().value : undefined;
    if (oldest !== undefined) this.all.delete(oldest);
  }

  /** The effect of that revision of the job, if it happened in this isolate and may be missing in the ledger. */
  find(job: JobRef, key: string, revision: number): EffectRecord | undefined {
    const effect = this.all.get(effectName(job, key));
    return effect?.revision === revision ? effect : undefined;
  }

  remove(job: JobRef, key: string): void {
    if (this.all.size > 0) this.all.delete(effectName(job, key));
  }
}

function effectName(job: JobRef, key: string): string {
  return `${keyOf(job)}/${key}`;
}
