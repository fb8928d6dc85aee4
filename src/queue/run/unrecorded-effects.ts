import type { EffectRecord } from "../effect";
import type { JobRef } from "../ports/job-row";
import { keyOf } from "../ref";

/** The oldest are dropped first: what is lost is a guard for providers that have none of their own. */
const maxEffects = 2000;

/** Effects that happened and that the ledger did not record, by job and key. One per isolate: the job's next run in it must not repeat them. */
export class UnrecordedEffects {
  private readonly all = new Map<string, EffectRecord>();

  add(job: JobRef, effect: EffectRecord): void {
    this.all.set(effectName(job, effect.key), effect);
    const oldest = this.all.size > maxEffects ? this.all.keys().next().value : undefined;
    if (oldest !== undefined) this.all.delete(oldest);
  }

  /** The effect of that revision of the job, if this isolate saw it happen and the ledger may not have it. */
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
