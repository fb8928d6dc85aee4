import { waitUntil } from "cloudflare:workers";
import { coalescing } from "../coalesce";
import type { WorkDeps } from "../domain/work/deps";
import { createLeases } from "../domain/work/model";
import { createWorkerStore } from "../domain/work/store";
import { createFairShares } from "../domain/work/fair-shares";
import type { WorkerEnv } from "../env";
import type { Counters } from "../ledger/counters";
import { createPayloads } from "../ledger/payloads";
import { createWorkLedger } from "../ledger/work/work";
import type { Engine } from "../queue/engine";
import { derive } from "../tenants/keys";

/** What calls of remote workers stand on. */
export function createWork({ env, engine, counters }: { env: WorkerEnv; engine: Engine; counters: Pick<Counters, "add"> }): WorkDeps {
  let key: Promise<CryptoKey> | undefined;
  const secret = () => new Uint8Array(new TextEncoder().encode(env.ID_SECRET));
  return {
    engine,
    // Pulls that wait look again and again: those of one moment go in one trip.
    ledger: createWorkLedger(env.DB, coalescing(env.DB, waitUntil)),
    workers: createWorkerStore(env.DB),
    leases: createLeases(() => (key ??= derive(secret(), "signing", "lease"))),
    fairShares: createFairShares(),
    results: createPayloads(env.PAYLOADS),
    pause: async (milliseconds, signal) => {
      // A caller that disconnects ends the wait; that is no failure.
      await scheduler.wait(milliseconds, { signal }).catch(() => undefined);
    },
    onVoid: (tenant, type, count) => counters.add(tenant, type, "offers_void", 0, count),
  };
}
