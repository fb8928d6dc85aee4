import { createOutbox } from "../../outbox";
import { siteRows, type SiteScope } from "./scope";

/** An event for the router. */
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

type ShopEventType = "order.created" | "order.status_changed" | "product.out_of_stock" | "shop.row_unreadable";

/** The outbox of the shops' events. */
export type ShopOutbox = ReturnType<typeof createShopOutbox>;

const maxTenants = 100;

export function createShopOutbox(db: D1Database) {
  const outbox = createOutbox(db, { table: "shop_events", key: ["tenant", "at", "site", "id"], maxTenants });
  return {
    /** The oldest events of some tenants, a few of each. */
    pending: async (limit: number): Promise<ShopEvent[]> => {
      const tenants = await outbox.tenants();
      const share = Math.max(1, Math.floor(limit / Math.max(1, tenants.length)));
      const pages = await Promise.all(tenants.map((tenant) => db.prepare(pendingSql).bind(tenant, share).all<Row>()));
      return pages.flatMap(({ results }) => results.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> })));
    },
    /** Removes events that were enqueued, or cannot be. */
    remove: (events: readonly ShopEvent[]): Promise<void> => outbox.remove(events.map(({ tenant, at, site, id }) => [tenant, at, site, id])),
  };
}

type Row = Omit<ShopEvent, "data"> & { data: string };

const pendingSql = "SELECT tenant, site, id, type, at, data FROM shop_events WHERE tenant = ?1 ORDER BY at, site, id LIMIT ?2";

/** Events of one site in the outbox. */
export async function eventsOf(scope: SiteScope): Promise<ShopEvent[]> {
  const rows = await siteRows<Row>(
    scope,
    "SELECT tenant, site, id, type, at, data FROM shop_events WHERE tenant = ?1 AND site = ?2 ORDER BY at, id LIMIT 1000",
  );
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}
