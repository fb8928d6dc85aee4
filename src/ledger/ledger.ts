import type { EffectRecord } from "../queue/effect";
import { GroupCommit } from "../group-commit";
import type { KnownJob, NewJob } from "../queue/ports/intake-ledger";
import type { JobRef } from "../queue/ports/job-row";
import type { Ledger } from "../queue/ports/ledger";
import { withFirst } from "../with-first";
import { claim, claimAlone, release } from "./claim";
import { createFormer } from "./former";
import { heavyMarks, heavySeen, markHeavy } from "./heavy";
import { insert, insertKeyed, missingRows } from "./insert";
import { offer } from "./offer";
import { bury, cancel, revive } from "./operate";
import { checkpoint, effects, heartbeat, recordEffect, recordEffects } from "./run";
import { settle } from "./settle";
import { bringBack, ofOtherBoot, pauses, rewake, scan, unsent } from "./sweep";
import { due, dueTenants, forgetGates, parked, parkedGates } from "./waiting";

/**
 * The ledger in D1. `defer` keeps group commits alive beyond the request that leads them. Rows of jobs without a key wait `lingerMs`
 * to be written together: the queue holds such a job already, so no caller waits for its row.
 */
export function createLedger(db: D1Database, defer: (promise: Promise<unknown>) => void, lingerMs = 0): Ledger {
  const inserts = new GroupCommit<NewJob>((rows) => insert(db, rows), defer, { lingerMs });
  const keyed = new GroupCommit<NewJob, KnownJob>((rows) => insertKeyed(db, rows), defer);
  const happened = new GroupCommit<JobRef & EffectRecord>((rows) => recordEffects(db, rows), defer);
  return {
    insert: async (rows) => void (await inserts.add(rows)),
    insertKeyed: (rows) => keyed.add(rows),
    former: createFormer(db),
    offer: (refs, now, fresh = []) => offer(db, refs, now, fresh),
    recordEffect: async (job, effect, token) => {
      if (token !== null) return recordEffect(db, job, effect, token);
      await happened.add([{ tenant: job.tenant, id: job.id, ...effect }]);
      return true;
    },
    ...withFirst(db, { missing: missingRows, unsent, claim, claimAlone, release, settle, heartbeat, effects, checkpoint, cancel, revive }),
    ...withFirst(db, {
      dueTenants,
      due,
      bringBack,
      rewake,
      scan,
      ofOtherBoot,
      parkedGates,
      parked,
      forgetGates,
      pauses,
      markHeavy,
      heavySeen,
      heavyMarks,
      bury,
    }),
  };
}
