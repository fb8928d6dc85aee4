import { statement } from "../d1";

/** Of the walks over all tenants: whose turn was the last. */
const everybody = "*";

/** How far a walk over all tenants has come; it goes on there with the next tick. */
export interface TurnMark {
  /** The tenant whose turn was the last; empty: it begins with the first. */
  read(): Promise<string>;
  write(tenant: string): Promise<void>;
}

export function turnMark(db: D1Database, walk: string): TurnMark {
  return {
    read: async () =>
      (await statement(db, `SELECT position FROM watermarks WHERE tenant = ? AND walk = ?`, everybody, walk).first<{ position: string }>())?.position ?? "",
    write: async (tenant) => void (await markStatement(db, everybody, walk, tenant).run()),
  };
}

export function markStatement(db: D1Database, tenant: string, walk: string, position: string): D1PreparedStatement {
  const sql = `INSERT INTO watermarks (tenant, walk, position) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position`;
  return statement(db, sql, tenant, walk, position);
}

/** SQL of the position below which every open job of a stream has a side row: the sweep's mark, or the one that `passEnded` moves behind what has ended. */
export function openMark(tenant: string, walk: "jobs" | "arrivals"): string {
  const mark = (name: string) => `coalesce((SELECT w.position FROM watermarks w WHERE w.tenant = ${tenant} AND w.walk = '${name}-${walk}'), '')`;
  return `max(${mark("sweep")}, ${mark("ended")})`;
}
