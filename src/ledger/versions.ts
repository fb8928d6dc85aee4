import { statement } from "../d1";

/** A version of the Worker, and when the tick first saw it, milliseconds. */
export interface WorkerVersion {
  id: string;
  tag: string;
  firstAt: number;
}

/** Writes a row when the version is new. */
export async function noteVersion(db: D1Database, { id, tag }: { id: string; tag: string }, now: number): Promise<boolean> {
  const sql = `INSERT INTO versions (id, tag, first_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`;
  return (await statement(db, sql, id, tag, now).run()).meta.changes > 0;
}

/** Newest first. */
export async function versionsIn(db: D1Database): Promise<WorkerVersion[]> {
  return (await statement(db, `SELECT id, tag, first_at AS firstAt FROM versions ORDER BY first_at DESC, id LIMIT 20`).all<WorkerVersion>()).results;
}

/** The newest one; null before the first tick. Versions are few: the table is read whole. */
export async function newestVersion(db: D1Database): Promise<WorkerVersion | null> {
  return statement(db, `SELECT id, tag, first_at AS firstAt FROM versions ORDER BY first_at DESC, id LIMIT 1`).first<WorkerVersion>();
}
