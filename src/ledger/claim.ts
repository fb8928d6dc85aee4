import type { Claim, ClaimedJob, FoundJob, JobRef, Lease, MessageRef, NewJob, Pause } from "../queue/ledger";
import { clockToleranceMs } from "../queue/lease";
import { batch, lists, refLists, rowsOf, statement } from "../d1";
import { doubtful } from "./doubt";
import { insertStatements } from "./insert";

const messages = `(SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS seq, value->>3 AS fp FROM json_each(?1)) m`;
const claimed = `jobs.tenant, jobs.id, jobs.seq, jobs.attempt, jobs.max, jobs.runs, jobs.at, jobs.born, jobs.pinned, jobs.revision, jobs.reason, jobs.cursor, jobs.wake, jobs.gate`;

/** The same claim, repeated because its first answer was lost: it finds what is its own already. */
const answerLost = `(jobs.state = 'running' AND jobs.lease = ?2)`;

/** ?2 token, ?3 until, ?4 now, ?5 now with tolerance, ?6 boot. */
const claimFree = `
  UPDATE jobs SET state = 'running', lease = ?2, until = ?3, runs = jobs.runs + (jobs.lease IS NOT ?2), seq = m.seq, born = coalesce(jobs.born, ?4), started = coalesce(jobs.started, ?4), boot = ?6
  FROM ${messages}
  WHERE jobs.tenant = m.tenant AND jobs.id = m.id AND jobs.seq <= m.seq AND jobs.cancel = 0 AND jobs.crash = 0
    AND (jobs.state IN ('queued', 'retrying', 'waiting') OR ${answerLost})
    AND (jobs.due IS NULL OR jobs.due <= ?5) AND (jobs.fp IS NULL OR m.fp IS NULL OR jobs.fp = m.fp)
  RETURNING ${claimed}`;

const lookAtRest = `
  SELECT j.tenant, j.id, j.state, j.ended, j.seq, j.until, j.due, j.crash, j.cancel, j.fp
  FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.lease IS NOT ?2`;

const allPauses = `SELECT tenant, scope, name FROM pauses`;

/**
 * A job whose last run died: it counts as an attempt only if that run was alone, else any of its mates may be to blame.
 * From now on it is marked, so that the next death is its own.
 */
const claimCrashed = `
  UPDATE jobs SET state = 'running', lease = ?2, until = ?3, runs = jobs.runs + (jobs.lease IS NOT ?2), seq = m.seq, born = coalesce(jobs.born, ?4), started = coalesce(jobs.started, ?4), boot = ?6,
    attempt = jobs.attempt + (jobs.state = 'running' AND jobs.crash = 1 AND jobs.attempt < jobs.max AND jobs.lease IS NOT ?2), crash = 1,
    doubt = iif(jobs.state = 'running' AND jobs.lease IS NOT ?2, ${doubtful}, jobs.doubt)
  FROM ${messages}
  WHERE jobs.tenant = m.tenant AND jobs.id = m.id AND jobs.seq <= m.seq AND jobs.cancel = 0
    AND (${answerLost} OR (jobs.state = 'running' AND jobs.until <= ?4) OR (jobs.state IN ('queued', 'retrying', 'waiting') AND jobs.crash = 1 AND (jobs.due IS NULL OR jobs.due <= ?5)))
  RETURNING ${claimed}`;

const noteCrash = `
  INSERT INTO history (tenant, job, at, event, detail)
  SELECT m.tenant, m.id, ?2, 'crashed', 'the Worker died during the run before; this one is alone'
  FROM (SELECT value->>0 AS tenant, value->>1 AS id FROM json_each(?1)) m
  JOIN jobs j ON j.tenant = m.tenant AND j.id = m.id WHERE j.lease = ?3
  ON CONFLICT DO NOTHING`;

const giveBack = `
  UPDATE jobs SET state = 'queued', until = 0, runs = jobs.runs - 1
  FROM (SELECT value->>0 AS tenant, value->>1 AS id FROM json_each(?1)) m
  WHERE jobs.tenant = m.tenant AND jobs.id = m.id AND jobs.lease = ?2 AND jobs.state = 'running'`;

/** One round trip: claims what is free, looks at the rest, reads the pauses. */
export async function claim(db: D1Database, refs: readonly MessageRef[], lease: Lease): Promise<Claim> {
  return claimWith(db, refs, lease, []);
}

/** As `claim`, the missing rows written first in the same transaction. */
export async function adopt(db: D1Database, rows: readonly NewJob[], lease: Lease): Promise<Claim> {
  return claimWith(db, rows, lease, insertStatements(db, rows));
}

async function claimWith(db: D1Database, refs: readonly MessageRef[], lease: Lease, first: D1PreparedStatement[]): Promise<Claim> {
  const keys = messageLists(refs);
  const updates = keys.map((list) => statement(db, claimFree, list, ...leaseValues(lease)));
  const rest = keys.map((list) => statement(db, lookAtRest, list, lease.token));
  const results = await batch(db, [...first, ...updates, ...rest, statement(db, allPauses)]);
  const from = first.length;
  return {
    claimed: keys.flatMap((_, index) => rowsOf<ClaimedJob>(results, from + index)),
    found: keys.flatMap((_, index) => rowsOf<StoredFound>(results, from + keys.length + index)).map(toFound),
    pauses: rowsOf<Pause>(results, from + 2 * keys.length),
  };
}

export async function claimAlone(db: D1Database, ref: MessageRef, lease: Lease): Promise<ClaimedJob | null> {
  const [list = "[]"] = messageLists([ref]);
  const results = await batch(db, [statement(db, claimCrashed, list, ...leaseValues(lease)), statement(db, noteCrash, list, lease.now, lease.token)]);
  return rowsOf<ClaimedJob>(results, 0)[0] ?? null;
}

export async function release(db: D1Database, refs: readonly JobRef[], token: string): Promise<void> {
  if (refs.length > 0)
    await batch(
      db,
      refLists(refs).map((list) => statement(db, giveBack, list, token)),
    );
}

type StoredFound = Omit<FoundJob, "crash" | "cancel"> & { crash: number; cancel: number };

function toFound(row: StoredFound): FoundJob {
  return { ...row, crash: row.crash === 1, cancel: row.cancel === 1 };
}

function messageLists(refs: readonly MessageRef[]): string[] {
  return lists(refs.map(({ tenant, id, seq, fp }) => [tenant, id, seq, fp]));
}

function leaseValues(lease: Lease): [string, number, number, number, string] {
  return [lease.token, lease.until, lease.now, lease.now + clockToleranceMs, lease.boot];
}
