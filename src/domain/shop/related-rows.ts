import type { ShopRows } from "../../providers/shop/row-types";
import { perChunk, siteRows, type SiteScope } from "./scope";

/** Resources whose rows other rows name by id. */
export type RelatedResource = "order_states" | "currencies" | "carriers" | "countries" | "customers" | "addresses" | "manufacturers" | "suppliers";

/** Such rows, by resource. */
export type SomeNamed = { [R in RelatedResource]?: readonly ShopRows[R][] };
/** A resource, and ids of it that other rows name. */
export type WantedRows = readonly [RelatedResource, Iterable<number | null>];

/** Resources whose rows belong to one owner and are replaced together. */
export type Owned = "order_payments" | "order_carriers" | "combinations" | "product_suppliers";

/** All rows of one owner, possibly none. */
export interface Detail {
  resource: Owned;
  owner: string;
  rows: readonly unknown[];
}

/** Statements that store rows that others name; a stored row that was read later stays. */
export function namedWrites<R extends RelatedResource>(scope: SiteScope, resource: R, rows: readonly ShopRows[R][], readAt: number): D1PreparedStatement[] {
  return perChunk(
    scope,
    namedSql,
    rows.map((row) => [row.id, JSON.stringify(row)]),
    resource,
    readAt,
  );
}

export function allNamedWrites(scope: SiteScope, all: SomeNamed, readAt: number): D1PreparedStatement[] {
  return (Object.keys(all) as RelatedResource[]).flatMap((resource) => namedWrites(scope, resource, all[resource] ?? [], readAt));
}

export function detailWrites(scope: SiteScope, details: readonly Detail[], readAt: number): D1PreparedStatement[] {
  return perChunk(scope, detailSql, details.map(detailItem), readAt);
}

export function detailItem({ resource, owner, rows }: Detail): [string, string, string] {
  return [resource, owner, JSON.stringify(rows)];
}

/** The ids of these that are not stored. */
export async function missingIds(scope: SiteScope, resource: RelatedResource, ids: Iterable<number | null>): Promise<number[]> {
  const distinct = [...new Set(ids)].filter((id) => id !== null);
  if (distinct.length === 0) return [];
  return (await siteRows<{ id: number }>(scope, missingSql, JSON.stringify(distinct), resource)).map(({ id }) => id);
}

/** Stored rows by id. */
export async function named<R extends RelatedResource>(scope: SiteScope, resource: R, ids: Iterable<number | null>): Promise<Map<number, ShopRows[R]>> {
  const distinct = [...new Set(ids)].filter((id) => id !== null);
  if (distinct.length === 0) return new Map();
  const rows = await siteRows<{ id: number; body: string }>(scope, byIdSql, JSON.stringify(distinct), resource);
  return new Map(rows.map(({ id, body }) => [id, JSON.parse(body) as ShopRows[R]]));
}

/** Stored details by owner. */
export async function details<R extends Owned>(scope: SiteScope, resource: R, owners: Iterable<number | string>): Promise<Map<string, ShopRows[R][]>> {
  const ownerIds = [...new Set(owners)].map(String);
  if (ownerIds.length === 0) return new Map();
  const rows = await siteRows<{ owner: string; body: string }>(scope, ownersSql, JSON.stringify(ownerIds), resource);
  return new Map(rows.map(({ owner, body }) => [owner, JSON.parse(body) as ShopRows[R][]]));
}

const namedSql = `
  INSERT INTO shop_rows (tenant, site, resource, id, read_at, body)
  SELECT ?1, ?2, ?4, value ->> 0, ?5, value ->> 1 FROM json_each(?3) WHERE true
  ON CONFLICT DO UPDATE SET read_at = excluded.read_at, body = excluded.body
  WHERE shop_rows.body <> excluded.body AND shop_rows.read_at <= excluded.read_at`;

const detailSql = `
  INSERT INTO shop_details (tenant, site, resource, owner, read_at, body)
  SELECT ?1, ?2, value ->> 0, value ->> 1, ?4, value ->> 2 FROM json_each(?3) WHERE true
  ON CONFLICT DO UPDATE SET read_at = excluded.read_at, body = excluded.body
  WHERE shop_details.body <> excluded.body AND shop_details.read_at <= excluded.read_at`;

const missingSql = `
  SELECT e.value AS id FROM json_each(?3) e
  WHERE NOT EXISTS (SELECT 1 FROM shop_rows r WHERE r.tenant = ?1 AND r.site = ?2 AND r.resource = ?4 AND r.id = e.value)`;

const byIdSql = `
  SELECT r.id, r.body FROM json_each(?3) e CROSS JOIN shop_rows r ON r.tenant = ?1 AND r.site = ?2 AND r.resource = ?4 AND r.id = e.value`;

const ownersSql = `
  SELECT d.owner, d.body FROM json_each(?3) e
  CROSS JOIN shop_details d ON d.tenant = ?1 AND d.site = ?2 AND d.resource = ?4 AND d.owner = e.value`;
