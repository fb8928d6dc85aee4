import type { NewJob } from "../queue/ports/intake-ledger";
import type { JobRef, Pause } from "../queue/ports/job-row";
import type { Claim, ClaimedJob, ClaimOptions, FoundJob, Lease, MessageRef } from "../queue/ports/run-ledger";
import { clockToleranceMs } from "../queue/lease";
import { batch, lists, refLists, rowsOf, statement } from "../d1";
import { doubtful } from "./doubt";
import { heavyForMs } from "./heavy";
import { keyOf } from "../queue/ref";
import { newColumns, newKinds, newRows, newValues, rowLists, sideStatements } from "./insert";

const messages = `(SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS seq, value->>3 AS fp FROM json_each(?1)) m`;
const claimed = `jobs.tenant, jobs.id, jobs.seq, jobs.attempt, jobs.max, jobs.runs, jobs.at, jobs.born, jobs.pinned, jobs.revision, jobs.reason, jobs.cursor, jobs.wake, jobs.gate`;

/**
 * Null for a job whose row was just made and that was never held back: its message holds every column. Any other job answers with its columns, and so
 * does one with a derived id, whose row an earlier message may have made. ?4 now.
 */
const claimedJson = `
  iif(jobs.runs = 1 AND jobs.born = ?4 AND jobs.slot IS NULL AND jobs.wake IS NULL AND jobs.gate IS NULL AND jobs.reason IS NULL AND jobs.cursor IS NULL
      AND jobs.attempt = 0 AND jobs.revision = 0 AND jobs.pinned IS NULL, NULL, json_array(${claimed})) AS job`;

/** The same claim, repeated because its first answer was lost: the row carries its token already. */
const answerLost = `(jobs.state = 'running' AND jobs.lease = ?2)`;

/** Not of a tenant that is heavy on the queue ?7; null: of all tenants. */
const isLight = (tenant: string) => `
  (?7 IS NULL OR NOT EXISTS (SELECT 1 FROM heavy_tenants h WHERE h.tenant = ${tenant} AND h.queue = ?7 AND h.seen > ?4 - ${heavyForMs}))`;

const isOpen = `jobs.state IN ('queued', 'retrying', 'waiting')`;

/** The update that claims jobs in this state. ?2 token, ?3 until, ?4 now, ?5 now with tolerance, ?6 boot, ?7 the queue of heavy tenants. */
const claimIf = (state: string) => `
  UPDATE jobs SET state = 'running', lease = ?2, until = ?3, runs = jobs.runs + (jobs.lease IS NOT ?2), seq = m.seq, born = coalesce(jobs.born, ?4),
    started = coalesce(jobs.started, ?4), begun = ?4, boot = ?6
  FROM ${messages}
  WHERE jobs.tenant = m.tenant AND jobs.id = m.id AND jobs.seq <= m.seq AND jobs.cancel = 0 AND jobs.crash = 0 AND ${state}
    AND (jobs.due IS NULL OR jobs.due <= ?5) AND (jobs.fp IS NULL OR m.fp IS NULL OR jobs.fp = m.fp) AND ${isLight("jobs.tenant")}`;

const claimFree = `${claimIf(`(${isOpen} OR ${answerLost})`)} RETURNING ${claimedJson}`;
const claimOpen = claimIf(isOpen);

/** The rows of jobs that have none, as running. Their boot is that of the lease. */
const insertClaimed = `
  ${newKinds(isLight("value->>0"))}
  INSERT INTO jobs (${newColumns}, state, lease, until, runs, born, started, begun)
  SELECT ${newValues}, 'running', ?2, ?3, 1, ?4, ?4, ?4 FROM ${newRows} WHERE true ON CONFLICT DO NOTHING`;

/** What the ledger has of each job; the column `job` is null unless the lease holds the job. */
const lookAtRest = `
  SELECT jobs.tenant, jobs.id, jobs.queue, jobs.state, jobs.ended, jobs.seq, jobs.until, jobs.due, jobs.crash, jobs.cancel, jobs.fp, jobs.wake, jobs.gate,
    jobs.sweeps, iif(jobs.lease IS ?2, json_array(${claimed}), NULL) AS job
  FROM json_each(?1) e JOIN jobs ON jobs.tenant = e.value->>0 AND jobs.id = e.value->>1`;

/** All pauses, and which of the tenants ?1 are heavy on the queue ?2. ?3 now. */
const holds = `
  SELECT tenant, scope, name FROM pauses UNION ALL
  SELECT h.tenant, 'heavy', h.queue FROM json_each(?1) t CROSS JOIN heavy_tenants h ON h.tenant = t.value AND h.queue = ?2 WHERE h.seen > ?3 - ${heavyForMs}`;

/**
 * Claims a job whose Worker died during its last run. The death counts as an attempt only if the job ran alone (`crash` was 1): otherwise another job
 * of its batch may have killed the Worker. `crash` becomes 1, because the job runs alone now.
 */
const claimCrashed = `
  UPDATE jobs SET state = 'running', lease = ?2, until = ?3, runs = jobs.runs + (jobs.lease IS NOT ?2), seq = m.seq, born = coalesce(jobs.born, ?4), started = coalesce(jobs.started, ?4), begun = ?4, boot = ?6,
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

/**
 * Claims the free jobs of `refs`, inserts the missing rows of `fresh` as running, and reads pauses and heavy tenants, all in one round trip. When fewer
 * rows changed than were sent, a second round trip claims the jobs of `fresh` that had a row and reads the rows of all jobs not yet claimed.
 */
export async function claim(db: D1Database, refs: readonly MessageRef[], lease: Lease, options: ClaimOptions = {}): Promise<Claim> {
  const { fresh = [], queue } = options;
  const { inserted, updated, held } = await sendClaims(db, refs, lease, options);
  const heavy = held.flatMap(({ tenant, scope }) => (scope === "heavy" ? [tenant] : []));
  const isTakenHere = ({ tenant }: JobRef) => !heavy.includes(tenant);
  const made = claimedByInsert(fresh.filter(isTakenHere), inserted, lease);
  const taken = claimedByUpdate(refs.filter(isTakenHere), updated, lease);
  const look = lookAt(db, { had: made.open, left: taken.open }, lease, queue);
  // If the second round trip fails, the jobs claimed by the first one still run; the messages of the others are delivered again.
  const rest = await look.catch((thrown: unknown) => ({ claimed: [], found: [], trouble: String(thrown) }));
  return { ...rest, claimed: [...taken.claimed, ...made.claimed, ...rest.claimed], pauses: held.filter((each) => each.scope !== "heavy"), heavy };
}

/** What the statements of the first round trip answered. */
interface ClaimAnswers {
  inserted: readonly D1Result[];
  /** A job's columns, or null where its row was just made. */
  updated: { job: string | null }[];
  held: (Pause | { tenant: string; scope: "heavy" })[];
}

/** The first round trip. */
async function sendClaims(db: D1Database, refs: readonly MessageRef[], lease: Lease, { fresh = [], queue }: ClaimOptions): Promise<ClaimAnswers> {
  const values = claimValues(lease, queue);
  const inserts = rowLists(fresh).map((list) => statement(db, insertClaimed, list, ...values));
  const updates = messageLists(refs).map((list) => statement(db, claimFree, list, ...values));
  const tenants = JSON.stringify(queue === undefined ? [] : [...new Set([...refs, ...fresh].map(({ tenant }) => tenant))]);
  const results = await batch(db, [...inserts, ...updates, statement(db, holds, tenants, queue ?? null, lease.now), ...sideStatements(db, fresh)]);
  return {
    inserted: results.slice(0, inserts.length),
    updated: updates.flatMap((_, index) => rowsOf<{ job: string | null }>(results, inserts.length + index)),
    held: rowsOf(results, inserts.length + updates.length),
  };
}

/** What the first round trip claimed, and the jobs that the second must look at. */
interface FirstAnswer {
  claimed: ClaimedJob[];
  open: readonly MessageRef[];
}

/** All rows were made, or some existed: which ones, the inserts do not answer. */
function claimedByInsert(rows: readonly NewJob[], results: readonly D1Result[], lease: Lease): FirstAnswer {
  const areAllMade = results.reduce((sum, { meta }) => sum + meta.changes, 0) === rows.length;
  return areAllMade ? { claimed: rows.map((row) => justMade(row, lease, row)), open: [] } : { claimed: [], open: rows };
}

/** An update answers each claimed job with its columns, or with null where its row was just made. Which jobs are meant by null is known when all are claimed. */
function claimedByUpdate(refs: readonly MessageRef[], answers: readonly { job: string | null }[], lease: Lease): FirstAnswer {
  const named = answers.flatMap(({ job }) => (job === null ? [] : [claimedFrom(job)]));
  const unnamed = named.length === 0 ? refs : without(refs, named);
  const areAllTaken = answers.length === named.length + unnamed.length;
  return areAllTaken ? { claimed: [...named, ...unnamed.map((ref) => justMade(ref, lease))], open: [] } : { claimed: named, open: unnamed };
}

const untried = { wake: null, attempt: 0 };

/** The columns of a job that was never claimed before: its message and this lease determine them. */
function justMade({ tenant, id, seq, at, maxAttempts }: MessageRef, { now }: Lease, { wake, attempt }: Pick<NewJob, "wake" | "attempt"> = untried): ClaimedJob {
  return {
    tenant,
    id,
    seq,
    max: maxAttempts,
    at,
    born: now,
    attempt,
    runs: 1,
    pinned: null,
    revision: 0,
    reason: null,
    cursor: null,
    wake,
    gate: null,
  };
}

function without(refs: readonly MessageRef[], jobs: readonly JobRef[]): MessageRef[] {
  const keys = new Set(jobs.map(keyOf));
  return refs.filter((ref) => !keys.has(keyOf(ref)));
}

type Columns = [
  string,
  string,
  number,
  number,
  number,
  number,
  number,
  number,
  number | null,
  number,
  string | null,
  string | null,
  number | null,
  string | null,
];

/** Reads the JSON list that `claimedJson` makes of a job's columns. */
function claimedFrom(job: string): ClaimedJob {
  const [tenant, id, seq, attempt, max, runs, at, born, pinned, revision, reason, cursor, wake, gate] = JSON.parse(job) as Columns;
  return { tenant, id, seq, attempt, max, runs, at, born, pinned, revision, reason, cursor, wake, gate };
}

/** Claims the jobs of `had`, some of which have rows. Of `had` and `left` it returns the jobs that the lease holds now, and the rows of the others. */
async function lookAt(
  db: D1Database,
  { had, left }: { had: readonly MessageRef[]; left: readonly MessageRef[] },
  lease: Lease,
  queue: string | undefined,
): Promise<Pick<Claim, "claimed" | "found">> {
  if (had.length + left.length === 0) return { claimed: [], found: [] };
  const claims = messageLists(had).map((list) => statement(db, claimOpen, list, ...claimValues(lease, queue)));
  const looks = refLists([...had, ...left]).map((list) => statement(db, lookAtRest, list, lease.token));
  const results = await batch(db, [...claims, ...looks]);
  const rows = looks.flatMap((_, index) => rowsOf<StoredFound>(results, claims.length + index));
  return {
    claimed: rows.flatMap(({ job }) => (job === null ? [] : [claimedFrom(job)])),
    found: rows.filter(({ job }) => job === null).map(toFound),
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

type StoredFound = Omit<FoundJob, "crash" | "cancel"> & { crash: number; cancel: number; job: string | null };

function toFound({ job: _job, ...row }: StoredFound): FoundJob {
  return { ...row, crash: row.crash === 1, cancel: row.cancel === 1 };
}

function messageLists(refs: readonly MessageRef[]): string[] {
  return lists(refs.map(({ tenant, id, seq, fp }) => [tenant, id, seq, fp]));
}

/** Parameters of a claim after its list; without a queue no tenant counts as heavy. */
function claimValues(lease: Lease, queue: string | undefined): (string | number | null)[] {
  return [...leaseValues(lease), queue ?? null];
}

function leaseValues(lease: Lease): [string, number, number, number, string] {
  return [lease.token, lease.until, lease.now, lease.now + clockToleranceMs, lease.boot];
}
