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

/** Makes one of so many seeded jobs a dead letter; they failed in seven ways. */
export async function bury(db: D1Database, tenant: string, every: number): Promise<number> {
  const [, letters] = await db.batch([db.prepare(failed).bind(tenant, every), db.prepare(letter).bind(tenant), db.prepare(group).bind(tenant)]);
  return letters?.meta.changes ?? 0;
}

const failed = `
  UPDATE jobs SET state = 'dead', attempt = 5, reason = '55' || (CAST(substr(id, -6) AS INTEGER) / ?2 % 7) || ' no such user'
  WHERE tenant = ?1 AND lease = 'seeded' AND CAST(substr(id, -6) AS INTEGER) % ?2 = 0`;
const letter = `
  INSERT INTO dead_letters (tenant, died, id, type, state, site, reason, kind, attempt, at)
  SELECT tenant, ended, id, type, 'dead', site, reason, 'seededgroup00' || substr(reason, 1, 3), 5, at FROM jobs WHERE tenant = ?1 AND lease = 'seeded' AND state = 'dead'`;
const group = `
  INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours)
  SELECT tenant, kind, min(type), min(reason), min(died), max(died), count(*), '{}' FROM dead_letters WHERE tenant = ?1 GROUP BY kind`;

const walked = `
  INSERT INTO watermarks (tenant, walk, position) VALUES (?1, 'sweep-jobs', ?2)
  ON CONFLICT DO UPDATE SET position = max(position, excluded.position)`;

/** Those of one statement share the time in their id; the number behind it keeps them apart. */
const insert = `
  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?5)
  INSERT INTO jobs (tenant, id, type, version, queue, state, seq, runs, max, at, born, started, ended, lease, payload)
  SELECT ?1, ?2 || printf('%024d', ?3 + i), 'noop', 1, 'events', 'done', 0, 1, 5, ?4, ?4, ?4, ?4 + 20, 'seeded', '{"n":1}' FROM n`;
