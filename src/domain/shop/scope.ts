import { lists } from "../../d1";

/** One tenant's data. */
export interface TenantScope {
  db: D1Database;
  tenant: string;
}

/** One shop's data. */
export interface SiteScope extends TenantScope {
  site: string;
}

declare module "../../queue/job" {
  interface Capabilities {
    scope: TenantScope;
  }
}

/** A statement whose first two parameters are tenant and site. */
export function siteStatement({ db, tenant, site }: SiteScope, sql: string, ...values: (string | number | null)[]): D1PreparedStatement {
  return db.prepare(sql).bind(tenant, site, ...values);
}

/** The statement for each chunk of the items, a JSON list as its third parameter. */
export function perChunk(scope: SiteScope, sql: string, items: readonly unknown[], ...values: (string | number | null)[]): D1PreparedStatement[] {
  return lists(items).map((list) => siteStatement(scope, sql, list, ...values));
}

/** All rows of a statement. */
export async function siteRows<Row>(scope: SiteScope, sql: string, ...values: (string | number | null)[]): Promise<Row[]> {
  return (await siteStatement(scope, sql, ...values).all<Row>()).results;
}
