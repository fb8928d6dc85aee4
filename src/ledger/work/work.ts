import { attach, beat, begin, dropLeases, effect, recordEntered, expired, expiredShelves, giveBack, held, moveLeases, reclaim } from "./hold";
import type { WorkLedger } from "./model";
import { close, forget, forgetPulls, look, payloads, take, taken, waitingAtWorkers } from "./take";

/** The ledger for remote workers. Waiting pulls repeat `look`, so it uses the database `looks`, which sends simultaneous statements together. */
export function createWorkLedger(db: D1Database, looks: D1Database): WorkLedger {
  return {
    look: (shelves, key, worker, now) => look(looks, shelves, key, worker, now),
    take: (pull, shares, boot, now) => take(db, pull, shares, boot, now),
    taken: (key) => taken(db, key),
    close: (record) => close(db, record),
    forget: (record) => forget(db, record),
    held: (refs) => held(db, refs),
    payloads: (refs) => payloads(db, refs),
    enter: (entries) => recordEntered(db, entries),
    beat: (beats) => beat(db, beats),
    reclaim: (refs, now) => reclaim(db, refs, now),
    giveBack: (rows, now) => giveBack(db, rows, now),
    expired: (shelf, now, limit) => expired(db, shelf, now, limit),
    moveLeases: (rows) => moveLeases(db, rows),
    dropLeases: (rows) => dropLeases(db, rows),
    expiredShelves: (now) => expiredShelves(db, now),
    waiting: () => waitingAtWorkers(db),
    effect: (job, key) => effect(db, job, key),
    begin: (job, what, nonce) => begin(db, job, what, nonce),
    attach: (job, key, nonce) => attach(db, job, key, nonce),
    forgetPulls: (before) => forgetPulls(db, before),
  };
}
