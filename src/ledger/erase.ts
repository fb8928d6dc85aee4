import { isTerminal, type JobState } from "../queue/state";
import { batch, lists, refLists, rowsOf, statement } from "../d1";
import { jobsByEntity } from "./entities";
import { byParent } from "./relatives";

const maxGenerations = 5;

const holding = `(j.ended IS NULL OR coalesce(j.payload, j.ref, j.result_ref, j.fp, j.result, j.cursor, j.progress) IS NOT NULL)`;
const columns = `j.id, j.state, j.ref, j.result_ref AS resultRef, j.at, ${holding} AS holds`;
const byEntity = jobsByEntity(columns);
const byId = `SELECT ${columns} FROM json_each(?2) k CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = k.value`;
const childrenOf = `SELECT ${columns} FROM json_each(?2) k CROSS JOIN ${byParent} ON j.tenant = ?1 AND j.parent = k.value`;

const wipes = [
  `UPDATE jobs SET payload = NULL, ref = NULL, result_ref = NULL, fp = NULL, result = NULL, cursor = NULL, progress = NULL, provider_message = NULL, reason = iif(reason IS NULL, NULL, 'erased')
   WHERE (tenant, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`,
  `UPDATE effects SET result = NULL WHERE (tenant, job) IN (SELECT value->>0, value->>1 FROM json_each(?1))`,
  `UPDATE history SET detail = NULL WHERE (tenant, job) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND detail IS NOT NULL`,
  `UPDATE dead_letters SET reason = 'erased' WHERE (tenant, died, id) IN
     (SELECT j.tenant, j.ended, j.id FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1)`,
];

/** A job that holds data to erase. */
interface JobWithData {
  id: string;
  state: JobState;
  ref: string | null;
  resultRef: string | null;
  at: number;
  /** 0: its data is erased already. */
  holds: number;
}

/** Jobs with one of these ids or entity keys, and all their descendants; without those whose data is erased already. */
export async function holdersOf(
  db: D1Database,
  tenant: string,
  { ids, entities }: { ids: readonly string[]; entities: readonly string[] },
): Promise<JobWithData[]> {
  const found = new Map<string, JobWithData>();
  const starts = [...lists(ids).map((list) => statement(db, byId, tenant, list)), ...lists(entities).map((list) => statement(db, byEntity, tenant, list))];
  let fresh = await rows(db, starts);
  for (let generation = 0; fresh.length > 0 && generation <= maxGenerations; generation++) {
    for (const each of fresh) found.set(each.id, each);
    const parents = lists(fresh.map(({ id }) => id));
    const children = await rows(
      db,
      parents.map((list) => statement(db, childrenOf, tenant, list)),
    );
    fresh = children.filter(({ id }) => !found.has(id));
  }
  return [...found.values()].filter(({ holds }) => holds === 1);
}

/** Deletes all personal data of these jobs: payload and its fingerprint, result, cursor, texts. What they were and when they ran stays. */
export async function eraseData(db: D1Database, tenant: string, holders: readonly JobWithData[]): Promise<{ jobs: number; refs: string[] }> {
  const refs = refLists(holders.map(({ id }) => ({ tenant, id })));
  if (refs.length > 0)
    await batch(
      db,
      refs.flatMap((list) => wipes.map((sql) => statement(db, sql, list))),
    );
  return { jobs: holders.length, refs: holders.flatMap(({ ref, resultRef }) => [ref, resultRef].filter((key) => key !== null)) };
}

/** Jobs that may still use the data: cancel them before it is erased. */
export function openHolders(holders: readonly JobWithData[]): JobWithData[] {
  return holders.filter(({ state }) => !isTerminal(state));
}

async function rows(db: D1Database, statements: D1PreparedStatement[]): Promise<JobWithData[]> {
  if (statements.length === 0) return [];
  const results = await batch(db, statements);
  return statements.flatMap((_, index) => rowsOf<JobWithData>(results, index));
}
