import { type SiteScope, siteStatement } from "../scope";
import { minuteMs } from "../../../time/day";

/** Rows that one statement deletes. */
const chunk = 500;
/** Longer than any run that opened the shop before its removal. */
const maxRunMs = 20 * minuteMs;
/** Statements that one request may use to delete a site's rows; the tick deletes the rest. */
const maxStatements = 300;
/** Sites of one tick. */
const atOnce = 5;

/** Begins to delete all rows of a removed site; `continueRemovals` deletes the rest. */
export async function startRemoval(scope: SiteScope, now: number, max = maxStatements): Promise<void> {
  await siteStatement(scope, "INSERT INTO shop_leaving (tenant, site, since) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET since = ?3", now).run();
  await deleteRows(scope, max);
}

/** Deletes the rest of an earlier site before one of the same name is created. False: there is more than one request may delete. */
export async function finishRemoval(scope: SiteScope, max = maxStatements): Promise<boolean> {
  const isLeaving = await siteStatement(scope, "SELECT 1 FROM shop_leaving WHERE tenant = ?1 AND site = ?2").first();
  if (isLeaving === null) return true;
  if (!(await deleteRows(scope, max))) return false;
  await left(scope);
  return true;
}

/** For the tick: continues removals, with rows that running jobs wrote since. At most `max` statements a site. */
export async function continueRemovals(db: D1Database, max: number, now: number): Promise<{ sites: number }> {
  const { results } = await db
    .prepare("SELECT tenant, site, since FROM shop_leaving LIMIT ?1")
    .bind(atOnce)
    .all<{ tenant: string; site: string; since: number }>();
  let sites = 0;
  for (const { tenant, site, since } of results) {
    const scope = { db, tenant, site };
    if (!(await deleteRows(scope, max)) || now - since < maxRunMs) continue;
    await left(scope);
    sites++;
  }
  return { sites };
}

/** Every table of a site with its key after tenant and site. The progress of the syncs is last. */
const tables = [
  ["shop_orders", "id"],
  ["shop_products", "id"],
  ["shop_stock", "product, combination"],
  ["shop_rows", "resource, id"],
  ["shop_details", "resource, owner"],
  ["shop_events", "at, id"],
  ["shop_windows", "run, start"],
  ["shop_unreadable", "resource, id"],
  ["shop_refusals", "resource"],
  ["shop_purchase_lines", "line"],
  ["shop_purchase_orders", "id"],
  ["shop_supplier_settings", "supplier"],
  ["product_texts", "product"],
  ["shop_sites", "site"],
] as const;

/** True: nothing is left. */
async function deleteRows(scope: SiteScope, max: number): Promise<boolean> {
  let left = max;
  for (const [table, key] of tables) {
    const sql = `DELETE FROM ${table} WHERE tenant = ?1 AND site = ?2 AND (${key}) IN (SELECT ${key} FROM ${table} WHERE tenant = ?1 AND site = ?2 LIMIT ${chunk})`;
    for (let removed = chunk; removed === chunk; left--) {
      if (left === 0) return false;
      removed = (await siteStatement(scope, sql).run()).meta.changes;
    }
  }
  return true;
}

async function left(scope: SiteScope): Promise<void> {
  await siteStatement(scope, "DELETE FROM shop_leaving WHERE tenant = ?1 AND site = ?2").run();
}
