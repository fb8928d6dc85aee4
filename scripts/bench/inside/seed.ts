import { timePart } from "../../../src/queue/id";

const perStatement = 20_000;
/** They ended within the last days, one a second: retention keeps them, and the tick has walked past them. Milliseconds. */
const step = 1000;

/** Writes ended jobs of a tenant, the `from`th and those after it, as the engine leaves them. */
export async function seed(db: D1Database, tenant: string, from: number, count: number): Promise<number> {
  for (let done = 0; done < count; done += perStatement) {
    const rows = Math.min(perStatement, count - done);
    const at = Date.now() - 3_600_000 - (from + done) * step;
    await db
      .prepare(insert)
      .bind(tenant, timePart(at), String(from + done), at, rows)
      .run();
  }
  // As the tick leaves it: it has walked past all of them.
  await db
    .prepare(walked)
    .bind(tenant, timePart(Date.now() - 3_600_000))
    .run();
  return count;
}

const walked = `
  INSERT INTO watermarks (tenant, walk, position) VALUES (?1, 'sweep-jobs', ?2)
  ON CONFLICT DO UPDATE SET position = max(position, excluded.position)`;

/** Those of one statement share the time in their id; the number behind it keeps them apart. */
const insert = `
  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?5)
  INSERT INTO jobs (tenant, id, type, version, queue, state, seq, runs, max, at, born, started, ended, lease, payload)
  SELECT ?1, ?2 || printf('%024d', ?3 + i), 'noop', 1, 'events', 'done', 0, 1, 5, ?4, ?4, ?4, ?4 + 20, 'seeded', '{"n":1}' FROM n`;
