import type { WorkLedger } from "../../ledger/work/work";
import type { Engine } from "../../queue/engine";
import type { Leases } from "./model";
import type { WorkerStore } from "./store";
import type { FairShares } from "./fair-shares";

interface ResultStore {
  /** Returns the key. Throws when the store is down. */
  putAs(tenant: string, id: string, name: string, text: string): Promise<string>;
  remove(keys: readonly string[]): Promise<void>;
}

export interface WorkDeps {
  engine: Engine;
  ledger: WorkLedger;
  workers: WorkerStore;
  leases: Leases;
  fairShares: FairShares;
  /** Store of results that are too large for the ledger. */
  results: ResultStore;
  /** Waits this many milliseconds, or until the signal fires. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Counts offers that were never started. */
  onVoid(tenant: string, type: string, count: number): void;
}
