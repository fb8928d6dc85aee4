import { rowsOf, type Scope } from "./scope";

/** An event as the router takes it. */
export interface ShopEvent {
  tenant: string;
  site: string;
  /** Unique within the site. */
  id: string;
  type: ShopEventType;
  /** Milliseconds. */
  at: number;
  data: Record<string, unknown>;
}

export type ShopEventType = "order.created" | "order.status_changed" | "product.out_of_stock" | "shop.row_unreadable";

/** Events that wait for the router, by tenant in turn. */
export interface ShopOutbox {
  /** The oldest few of each tenant. */
  pending(limit: number): Promise<ShopEvent[]>;
  /** The router has them, or never will. */
  taken(events: readonly ShopEvent[]): Promise<void>;
}

const mostTenants = 100;

export function shopOutbox(db: D1Database): ShopOutbox {
  return {
    pending: async (limit) => {
      const tenants = await waiting(db);
      const share = Math.max(1, Math.floor(limit / Math.max(1, tenants.length)));
      const found = await Promise.all(tenants.map((tenant) => db.prepare(pendingSql).bind(tenant, share).all<Row>()));
      return found.flatMap(({ results }) => results.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> })));
    },
    taken: async (events) => {
      const keys = JSON.stringify(events.map(({ tenant, at, site, id }) => [tenant, at, site, id]));
      if (events.length > 0) await db.prepare(takenSql).bind(keys).run();
    },
  };
}

type Row = Omit<ShopEvent, "data"> & { data: string };

const pendingSql = "SELECT tenant, site, id, type, at, data FROM shop_events WHERE tenant = ?1 ORDER BY at, site, id LIMIT ?2";
const takenSql = `
  DELETE FROM shop_events WHERE (tenant, at, site, id) IN (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))`;

/** Hops from tenant to tenant in the key. */
const waitingSql = `
  WITH RECURSIVE hop(tenant) AS (
    SELECT min(tenant) FROM shop_events
    UNION ALL SELECT (SELECT min(tenant) FROM shop_events WHERE tenant > hop.tenant) FROM hop WHERE hop.tenant IS NOT NULL
  ) SELECT tenant FROM hop WHERE tenant IS NOT NULL LIMIT ?1`;

async function waiting(db: D1Database): Promise<string[]> {
  const { results } = await db.prepare(waitingSql).bind(mostTenants).all<{ tenant: string }>();
  return results.map(({ tenant }) => tenant);
}

/** Events of one site that the router has not taken. */
export async function eventsOf(scope: Scope): Promise<ShopEvent[]> {
  const rows = await rowsOf<Row>(scope, "SELECT tenant, site, id, type, at, data FROM shop_events WHERE tenant = ?1 AND site = ?2 ORDER BY at, id LIMIT 1000");
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}
