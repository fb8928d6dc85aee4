import { batch, rowsOf, statement } from "../d1";

/** A job whose payload or result may name a person. */
export interface JobTexts {
  id: string;
  /** Key in R2 of a payload that is not in the row. */
  ref: string | null;
  /** Key in R2 of a result that is not in the row. */
  resultRef: string | null;
  payload: string | null;
  result: string | null;
  cursor: string | null;
  progress: string | null;
  reason: string | null;
}

const pageSize = 2000;
const maxFound = 50;

const page = `SELECT id, ref, result_ref AS resultRef, payload, result, cursor, progress, reason FROM jobs WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ${pageSize}`;
const ending = `SELECT max(id) AS id, count(*) AS looked FROM (${page})`;
const text = `coalesce(j.payload, '') || ' ' || coalesce(j.result, '') || ' ' || coalesce(j.cursor, '') || ' ' || coalesce(j.progress, '') || ' ' || coalesce(j.reason, '')`;
const holding = `
  SELECT j.* FROM (${page}) j WHERE j.ref IS NOT NULL OR j.resultRef IS NOT NULL OR EXISTS (SELECT 1 FROM json_each(?3) n
    WHERE instr(replace(lower(${text}), '.', ''), n.value ->> 0) AND instr(replace(lower(${text}), '.', ''), n.value ->> 1) AND ${text} LIKE n.value ->> 2)
  ORDER BY j.id LIMIT ${maxFound}`;

/**
 * The next page of a walk over all jobs by id. A search term is two words in lower case without dots, and a pattern. It returns the jobs whose text
 * contains a term or whose payload or result is in R2, the number of rows read, and the last id. Without a last id the walk is over.
 */
export async function nextTexts(
  db: D1Database,
  tenant: string,
  after: string,
  needles: readonly (readonly [string, string, string])[],
): Promise<{ found: JobTexts[]; looked: number; last: string | null }> {
  const results = await batch(db, [statement(db, ending, tenant, after), statement(db, holding, tenant, after, JSON.stringify(needles))]);
  const [end] = rowsOf<{ id: string | null; looked: number }>(results, 0);
  const found = rowsOf<JobTexts>(results, 1);
  return { found, looked: end?.looked ?? 0, last: (found.length === maxFound ? found.at(-1)?.id : end?.id) ?? null };
}
