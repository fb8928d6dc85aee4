import { isDerived, slotOf } from "../queue/id";
import type { KnownJob, NewJob } from "../queue/ports/intake-ledger";
import type { JobRef } from "../queue/ports/job-row";
import { keyOf } from "../queue/ref";
import { batch, lists, listsOf, refLists, rowsOf, statement } from "../d1";

/** Columns whose values jobs of one kind share, and those that differ. Most jobs lack the last ones: trailing nulls are left out. */
const common = ["tenant", "type", "version", "queue", "max", "dry", "seq", "boot"];
const own = ["id", "at", "sent", "payload", "site", "fp", "parent", "slot", "ref", "entities", "due", "wake", "trace"];
const described = ["type", "version", "queue", "max", "at", "dry", "site", "fp", "parent", "slot", "ref", "entities", "payload", "trace"];

/** The kinds in ?1, a list from `rowLists`, for which `where` holds. */
export const newKinds = (where: string) => `
  WITH kinds AS MATERIALIZED (
    SELECT ${common.map((name, index) => `value->>${index} AS ${name}`).join(", ")}, value->${common.length} AS own FROM json_each(?1) WHERE ${where})`;
/** Columns and values of new rows, read from `newKinds`. */
export const newColumns = [...common, ...own, "attempt"].join(", ");
export const newValues = [
  ...common.map((name) => `kinds.${name}`),
  ...own.map((_, index) => `row.value->>${index}`),
  `coalesce(row.value->>${own.length}, 0)`,
].join(", ");
export const newRows = `kinds, json_each(kinds.own) row`;

/** A cancel that came before the row has written one without a queue: the columns that describe the job are filled in, its state stays. */
const insertJobs = `
  ${newKinds("true")}
  INSERT INTO jobs (${newColumns}, state) SELECT ${newValues}, 'queued' FROM ${newRows} WHERE true
  ON CONFLICT DO UPDATE SET ${described.map((name) => `${name} = excluded.${name}`).join(", ")} WHERE jobs.queue = ''`;

/** Side rows are added only when the job's row is the one just written: then its wake or fingerprint equals that of the list. */
const insertDue = `
  INSERT INTO due (tenant, at, id)
  SELECT j.tenant, j.wake, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.wake = e.value->>2 AND j.gate IS NULL AND j.ended IS NULL
  ON CONFLICT DO NOTHING`;

/** The keys of a job but its first, by which its row is found. Retention finds these rows by the list in that row: without it there are none. */
const insertEntities = `
  INSERT INTO entities (tenant, key, id)
  SELECT j.tenant, e.value->>2, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.fp IS e.value->>3 AND j.entities IS NOT NULL
  ON CONFLICT DO NOTHING`;

const lookUp = `
  SELECT j.tenant, j.id, j.state, j.seq, j.fp, j.due, j.cancel FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

/** The statements that write missing rows with all their side rows; rows that exist change nothing. */
export function insertStatements(db: D1Database, rows: readonly NewJob[]): D1PreparedStatement[] {
  return [...rowLists(rows).map((list) => statement(db, insertJobs, list)), ...sideStatements(db, rows)];
}

/** The statements that write the side rows of rows just written. */
export function sideStatements(db: D1Database, rows: readonly NewJob[]): D1PreparedStatement[] {
  const waking = rows.filter(({ wake }) => wake !== null);
  const named = rows.flatMap(({ tenant, id, entities, fp }) => entities.slice(1).map((key) => [tenant, id, key, fp]));
  return [
    ...lists(waking.map(({ tenant, id, wake }) => [tenant, id, wake])).map((list) => statement(db, insertDue, list)),
    ...lists(named).map((list) => statement(db, insertEntities, list)),
  ];
}

/** Writes the rows that are missing. */
export async function insert(db: D1Database, rows: readonly NewJob[]): Promise<never[]> {
  if (rows.length > 0) await batch(db, insertStatements(db, rows));
  return [];
}

/**
 * One transaction: reads which rows exist, inserts the others, reads all. One answer for each row, in their order; of several rows with one id the
 * first counts as inserted.
 */
export async function insertKeyed(db: D1Database, rows: readonly NewJob[]): Promise<KnownJob[]> {
  const refs = refLists(rows);
  const before = refs.map((list) => statement(db, lookUp, list));
  const writes = insertStatements(db, rows);
  const after = refs.map((list) => statement(db, lookUp, list));
  const results = await batch(db, [...before, ...writes, ...after]);
  const taken = new Set(refs.flatMap((_, index) => rowsOf<KnownJob>(results, index)).map(keyOf));
  const found = new Map(refs.flatMap((_, index) => rowsOf<KnownJob>(results, before.length + writes.length + index)).map((row) => [keyOf(row), row]));
  return rows.map((row) => {
    const key = keyOf(row);
    const stored = found.get(key);
    if (!stored) throw new Error("a row was written and is not there");
    const inserted = !taken.has(key);
    taken.add(key);
    return { ...stored, inserted };
  });
}

const isMissing = `
  SELECT e.value->>0 AS tenant, e.value->>1 AS id FROM json_each(?1) e
  WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = e.value->>0 AND j.id = e.value->>1)`;

export async function missingRows(db: D1Database, refs: readonly JobRef[]): Promise<JobRef[]> {
  const parts = refLists(refs);
  const results = await batch(
    db,
    parts.map((list) => statement(db, isMissing, list)),
  );
  return parts.flatMap((_, index) => rowsOf<JobRef>(results, index));
}

/** Rows as JSON lists for `newKinds`: of each kind what its jobs have in common, then a list of what each has of its own. */
export function rowLists(rows: readonly NewJob[]): string[] {
  const kinds = Map.groupBy(rows, insertKind);
  return listsOf(
    [...kinds.values()].flatMap((all) => {
      const [first] = all as [NewJob];
      const shared = JSON.stringify(commonValues(first)).slice(0, -1);
      return lists(all.map(ownValues)).map((list) => `${shared},${list}]`);
    }),
  );
}

/** Equal for jobs whose values of `common` are equal. */
function insertKind({ tenant, type, version, queue, maxAttempts, dry, seq, boot }: NewJob): string {
  return `${tenant}\n${type}\n${version}\n${queue}\n${maxAttempts}\n${dry}\n${seq}\n${boot}`;
}

function commonValues({ tenant, type, version, queue, maxAttempts, dry, seq, boot }: NewJob): unknown[] {
  return [tenant, type, version, queue, maxAttempts, dry ? 1 : 0, seq, boot];
}

function ownValues({ id, at, sent, payload, site, fp, parent, ref, entities, due, wake, trace, attempt }: NewJob): unknown[] {
  const slot = isDerived(id) ? slotOf(id, at) : null;
  const values = [id, at, sent, payload, site, fp, parent, slot, ref, entities.length > 0 ? JSON.stringify(entities) : null, due, wake, trace, attempt || null];
  while (values.at(-1) === null) values.pop();
  return values;
}
