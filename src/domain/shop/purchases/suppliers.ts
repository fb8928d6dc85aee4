import type { Maker } from "../../../providers/shop/row-types";
import type { ListPage } from "../list";
import { siteRows, type SiteScope, siteStatement } from "../scope";

/** A supplier of the shop, with our settings. */
interface SupplierView {
  id: number;
  name: string;
  active: boolean;
  /** Address for purchase orders. */
  email: string | null;
  /** Whether purchase orders are sent without approval. */
  automatic: boolean;
}

interface SupplierFilter {
  active?: boolean | undefined;
  /** The page begins after this id. */
  after?: number | undefined;
  limit: number;
}

export async function listSuppliers(scope: SiteScope, { active, after = 0, limit }: SupplierFilter): Promise<ListPage<SupplierView>> {
  const rows = await siteRows<Row>(scope, listSql, after, limit + 1, active === undefined ? null : Number(active));
  const kept = rows.slice(0, limit);
  return { items: kept.map(supplierView), next: rows.length > limit ? (kept.at(-1)?.id ?? null) : null };
}

/** Null: no such supplier of the shop is stored. */
export async function putSupplier(scope: SiteScope, id: number, settings: { email: string | null; automatic: boolean }): Promise<SupplierView | null> {
  await siteStatement(scope, putSql, id, settings.email, settings.automatic ? 1 : 0).run();
  const [row] = await siteRows<Row>(scope, oneSql, id);
  return row ? supplierView(row) : null;
}

interface Row {
  id: number;
  body: string;
  email: string | null;
  automatic: number | null;
}

function supplierView({ id, body, email, automatic }: Row): SupplierView {
  const { name, active } = JSON.parse(body) as Maker;
  return { id, name, active: active ?? false, email, automatic: automatic === 1 };
}

const rows = `
  SELECT r.id, r.body, s.email, s.automatic FROM shop_rows r
  LEFT JOIN shop_supplier_settings s ON s.tenant = ?1 AND s.site = ?2 AND s.supplier = r.id
  WHERE r.tenant = ?1 AND r.site = ?2 AND r.resource = 'suppliers'`;

const listSql = `${rows} AND r.id > ?3 AND (?5 IS NULL OR r.body ->> 'active' = ?5) ORDER BY r.id LIMIT ?4`;
const oneSql = `${rows} AND r.id = ?3`;

const putSql = `
  INSERT INTO shop_supplier_settings (tenant, site, supplier, email, automatic)
  SELECT ?1, ?2, ?3, ?4, ?5 FROM shop_rows WHERE tenant = ?1 AND site = ?2 AND resource = 'suppliers' AND id = ?3
  ON CONFLICT DO UPDATE SET email = excluded.email, automatic = excluded.automatic`;
