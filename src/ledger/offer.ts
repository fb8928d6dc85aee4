import { batch, lists, refLists, rowsOf, statement } from "../d1";
import { clockToleranceMs } from "../queue/lease";
import type { JobRef } from "../queue/ports/job-row";
import type { NewJob } from "../queue/ports/intake-ledger";
import type { OfferRef } from "../queue/ports/run-ledger";
import { insertStatements } from "./insert";

/**
 * ?1 [tenant, id, seq, fp, gate, place] of each, ?2 now with tolerance. The conditions of a claim, without a lease: nothing runs. The sweep skips rows
 * with a gate; the tick removes the job's side row in `due`, which is stale from now on. A job that is parked already keeps its place: its key was sent
 * again, and that message is younger.
 */
const park = `
  UPDATE jobs SET state = 'queued', gate = o.gate, wake = iif(jobs.gate IS NULL, o.place, jobs.wake), seq = o.seq, due = NULL, sent = NULL, worker = NULL, offered = NULL
  FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS seq, value->>3 AS fp, value->>4 AS gate, value->>5 AS place FROM json_each(?1)) o
  WHERE jobs.tenant = o.tenant AND jobs.id = o.id AND jobs.seq <= o.seq AND jobs.cancel = 0 AND jobs.state IN ('queued', 'retrying', 'waiting')
    AND (jobs.gate IS NULL OR (jobs.gate = o.gate AND jobs.worker IS NULL)) AND (jobs.due IS NULL OR jobs.due <= ?2)
    AND (jobs.fp IS NULL OR o.fp IS NULL OR jobs.fp = o.fp)
  RETURNING jobs.tenant, jobs.id`;

const addParked = `
  INSERT INTO parked (tenant, gate, at, id) SELECT j.tenant, j.gate, j.wake, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.gate = e.value->>4 AND j.state = 'queued' ON CONFLICT DO NOTHING`;

const isThere = `SELECT j.tenant, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

/** Parks remote jobs at the gate of their workers: a row in `jobs` and one in `parked` each. Missing rows of `fresh` are written first. */
export async function offer(db: D1Database, refs: readonly OfferRef[], now: number, fresh: readonly NewJob[]): Promise<{ offered: JobRef[]; found: JobRef[] }> {
  const parts = lists(refs.map(({ tenant, id, seq, fp, gate, wake }) => [tenant, id, seq, fp, gate, wake]));
  const refParts = refLists(refs);
  const inserts = insertStatements(db, fresh);
  const results = await batch(db, [
    ...inserts,
    ...parts.map((list) => statement(db, park, list, now + clockToleranceMs)),
    ...parts.map((list) => statement(db, addParked, list)),
    ...refParts.map((list) => statement(db, isThere, list)),
  ]);
  return {
    offered: parts.flatMap((_, index) => rowsOf<JobRef>(results, inserts.length + index)),
    found: refParts.flatMap((_, index) => rowsOf<JobRef>(results, inserts.length + 2 * parts.length + index)),
  };
}
