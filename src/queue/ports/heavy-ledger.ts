/** A tenant whose jobs take more of a queue than their share. */
export interface HeavyMark {
  tenant: string;
  /** The queue that its jobs were sent to. */
  queue: string;
}

/** Marks of heavy tenants. A mark ends a minute after a job of its tenant and queue last came from the queue `overflow`. */
export interface HeavyLedger {
  /** Makes or renews a mark. */
  markHeavy(mark: HeavyMark, now: number): Promise<void>;
  /** Renews marks whose jobs came from `overflow`. Marks that have ended stay ended. */
  heavySeen(marks: readonly HeavyMark[], now: number): Promise<void>;
  /** The marks in force; those that have ended are removed. */
  heavyMarks(now: number): Promise<HeavyMark[]>;
}

/** The queue that jobs of heavy tenants are forwarded to; its consumer runs any type. */
export const overflow = "overflow";
