import { statement } from "../d1";

/** In the column `tenant`: the walks over all tenants, whose position is the tenant served last. */
const allTenants = "*";

/** How far a walk over all tenants has come; the next tick goes on from there. */
export interface RotationMark {
  /** The tenant served last; empty: the walk begins with the first. */
  read(): Promise<string>;
  write(tenant: string): Promise<void>;
}

export function rotationMark(db: D1Database, walk: string): RotationMark {
  return {
    read: async () =>
      (await statement(db, `SELECT position FROM watermarks WHERE tenant = ? AND walk = ?`, allTenants, walk).first<{ position: string }>())?.position ?? "",
    write: async (tenant) => void (await markStatement(db, allTenants, walk, tenant).run()),
  };
}

export function markStatement(db: D1Database, tenant: string, walk: string, position: string): D1PreparedStatement {
  const sql = `INSERT INTO watermarks (tenant, walk, position) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position`;
  return statement(db, sql, tenant, walk, position);
}

/** SQL of the position below which every open job of a stream has a side row: the greater of the sweep's mark and that of `passEnded`. */
export function openMark(tenant: string, walk: "jobs" | "derived"): string {
  const mark = (name: string) => `coalesce((SELECT w.position FROM watermarks w WHERE w.tenant = ${tenant} AND w.walk = '${name}-${walk}'), '')`;
  return `max(${mark("sweep")}, ${mark("ended")})`;
}
