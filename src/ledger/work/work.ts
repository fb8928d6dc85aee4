import { withFirst } from "../../with-first";
import { attach, beat, begin, dropLeases, effect, expired, expiredShelves, giveBack, giveUp, held, moveLeases, reclaim, recordEntered } from "./hold";
import { close, forget, forgetPulls, look, payloads, take, takenBy, waitingAtWorkers } from "./take";

/** The ledger's functions for remote workers. Every call is one round trip, names the tenant of each row, and throws only when D1 cannot be reached. */
export type WorkLedger = ReturnType<typeof createWorkLedger>;

/** Waiting pulls repeat `look`, so it uses the database `looks`, which sends simultaneous statements together. */
export function createWorkLedger(db: D1Database, looks: D1Database) {
  return {
    ...withFirst(looks, { look }),
    ...withFirst(db, { take, takenBy, close, forget, held, payloads, enter: recordEntered, beat, reclaim, giveBack, giveUp, expired, moveLeases, dropLeases }),
    ...withFirst(db, { expiredShelves, waiting: waitingAtWorkers, effect, begin, attach, forgetPulls }),
  };
}
