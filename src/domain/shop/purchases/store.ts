import { type SiteScope, siteStatement } from "../scope";

/** False: it is no draft. */
export async function approvePurchase(scope: SiteScope, id: number, by: string, now: number): Promise<boolean> {
  const { meta } = await siteStatement(scope, approveSql, id, by, now).run();
  return meta.changes > 0;
}

/** Makes it a draft again, after its mail was not accepted. */
export async function reopenPurchase(scope: SiteScope, id: number, now: number): Promise<void> {
  await siteStatement(scope, reopenSql, id, now).run();
}

/** False: it is no draft. A later purchase order may buy its lines. */
export async function cancelPurchase(scope: SiteScope, id: number, now: number): Promise<boolean> {
  const [moved] = await scope.db.batch([siteStatement(scope, cancelSql, id, now), siteStatement(scope, freeSql, id)]);
  return (moved?.meta.changes ?? 0) > 0;
}

export async function noteMail(scope: SiteScope, id: number, mail: string): Promise<void> {
  await siteStatement(scope, "UPDATE shop_purchase_orders SET mail = ?4 WHERE tenant = ?1 AND site = ?2 AND id = ?3", id, mail).run();
}

const approveSql = `
  UPDATE shop_purchase_orders SET state = 'approved', approved_by = ?4, updated = ?5 WHERE tenant = ?1 AND site = ?2 AND id = ?3 AND state = 'draft'`;
const reopenSql = `
  UPDATE shop_purchase_orders SET state = 'draft', approved_by = NULL, updated = ?4
  WHERE tenant = ?1 AND site = ?2 AND id = ?3 AND state = 'approved' AND mail IS NULL`;
const cancelSql = `
  UPDATE shop_purchase_orders SET state = 'cancelled', updated = ?4 WHERE tenant = ?1 AND site = ?2 AND id = ?3 AND state = 'draft'`;
const freeSql = `
  DELETE FROM shop_purchase_lines WHERE tenant = ?1 AND site = ?2 AND purchase_order = ?3 AND EXISTS (
    SELECT 1 FROM shop_purchase_orders p WHERE p.tenant = ?1 AND p.site = ?2 AND p.id = ?3 AND p.state = 'cancelled')`;
