import type { EffectRecord } from "../queue/effect";
import { GroupCommit } from "../group-commit";
import type { KnownJob, NewJob } from "../queue/ports/intake-ledger";
import type { JobRef } from "../queue/ports/job-row";
import type { Ledger } from "../queue/ports/ledger";
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
    missing: (refs) => missingRows(db, refs),
    unsent: (refs, now) => unsent(db, refs, now),
    claim: (refs, lease, options) => claim(db, refs, lease, options),
    offer: (refs, now, fresh = []) => offer(db, refs, now, fresh),
    claimAlone: (ref, lease) => claimAlone(db, ref, lease),
    release: (refs, token) => release(db, refs, token),
    settle: (transitions, token, now) => settle(db, transitions, token, now),
    heartbeat: (runs, token) => heartbeat(db, runs, token),
    effects: (refs) => effects(db, refs),
    recordEffect: async (job, effect, token) => {
      if (token !== null) return recordEffect(db, job, effect, token);
      await happened.add([{ tenant: job.tenant, id: job.id, ...effect }]);
      return true;
    },
    checkpoint: (job, cursor, writes, token, now) => checkpoint(db, job, cursor, writes, token, now),
    cancel: (ref, now, unwrittenAt) => cancel(db, ref, now, unwrittenAt),
    revive: (refs, how, now) => revive(db, refs, how, now),
    dueTenants: (now) => dueTenants(db, now),
    due: (tenants, now, limit) => due(db, tenants, now, limit),
    bringBack: (rows, now, boot) => bringBack(db, rows, now, boot),
    rewake: (rows) => rewake(db, rows),
    scan: (before, limit, checkAt) => scan(db, before, limit, checkAt),
    ofOtherBoot: (boot, limit) => ofOtherBoot(db, boot, limit),
    parkedGates: () => parkedGates(db),
    parked: (gates, limit) => parked(db, gates, limit),
    forgetGates: (gates) => forgetGates(db, gates),
    pauses: () => pauses(db),
    markHeavy: (mark, now) => markHeavy(db, mark, now),
    heavySeen: (marks, now) => heavySeen(db, marks, now),
    heavyMarks: (now) => heavyMarks(db, now),
    bury: (rows, now) => bury(db, rows, now),
  };
}
