import type { WorkLedger } from "../../ledger/work/model";
import type { Engine } from "../../queue/engine";
import type { Leases } from "./model";
import type { WorkerStore } from "./store";
import type { FairShares } from "./fair-shares";

export interface ResultStore {
  /** Returns the key. Throws when the store is down. */
  putAs(tenant: string, id: string, name: string, text: string): Promise<string>;
  remove(keys: readonly string[]): Promise<void>;
}

/** What calls of remote workers stand on. */
export interface WorkDeps {
  engine: Engine;
  ledger: WorkLedger;
  workers: WorkerStore;
  leases: Leases;
  fairShares: FairShares;
  /** Results that are too large for the ledger. */
  results: ResultStore;
  /** Waits; ends early when the signal fires. Milliseconds. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Offers that were never started: for the counters. */
  onVoid(tenant: string, type: string, count: number): void;
}
