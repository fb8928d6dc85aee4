import { type SiteScope, siteStatement } from "./scope";

/**
 * Reserves `count` change numbers. They are unique within the site, grow in the order in which rows are committed, and stay close to the clock
 * (milliseconds). A reader that has all changes up to a number misses none when it continues after it. The batch that uses them must begin with this
 * statement; its row n gets `numberOf(n)`.
 */
export function takeNumbers(scope: SiteScope, count: number, now: number): D1PreparedStatement {
  return siteStatement(scope, takeSql, count, now);
}

/** SQL for the change number of the nth row, `?1` and `?2` being tenant and site. `count` and `nth` are SQL too. */
export function changeNumberSql(nth: string, count: string): string {
  // Bound numbers are floats.
  return `CAST((SELECT changed FROM shop_sites WHERE tenant = ?1 AND site = ?2) - ${count} + ${nth} AS INTEGER)`;
}

const takeSql = `
  INSERT INTO shop_sites (tenant, site, connected, changed) VALUES (?1, ?2, ?4, ?4 + ?3)
  ON CONFLICT (tenant, site) DO UPDATE SET changed = max(changed, ?4) + ?3`;
