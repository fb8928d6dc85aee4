import type { JobRef } from "../queue/ports/job-row";
import type { Ledger } from "../queue/ports/ledger";
import { batch, lists, rowsOf, statement } from "../d1";

/** When the migration ran that separated the product's own keys from those of senders; no row where no jobs existed before it. */
const switchSql = `SELECT CAST(position AS INTEGER) AS at FROM watermarks WHERE tenant = '*' AND walk = 'own-keys'`;

const formerSql = `
  SELECT j.tenant, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.at < ?2 AND (j.fp IS NULL OR j.fp = e.value->>2)`;

/** Finds jobs under the ids that own keys had before that migration. Where no such ids exist, each isolate asks D1 once. */
export function createFormer(db: D1Database): Ledger["former"] {
  let switched: number | null | undefined;
  return async (refs) => {
    if (switched === undefined) switched = (await statement(db, switchSql).first<{ at: number }>())?.at ?? null;
    if (switched === null || refs.length === 0) return [];
    const before = switched;
    const queries = lists(refs.map(({ tenant, id, fp }) => [tenant, id, fp])).map((list) => statement(db, formerSql, list, before));
    const results = await batch(db, queries);
    return results.flatMap((_, index) => rowsOf<JobRef>(results, index));
  };
}
