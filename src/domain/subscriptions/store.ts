import { type RowBound, hasRoom, maxSubscriptions, tooManyRows } from "../../tenants/bounds";
import { createSettingsStore, createSettingsTable, type SettingsTable } from "../../tenants/settings-table";
import { type EndpointDeps, hostOf, type OpenedEndpoint, openEndpoint, type Retirement, sealEndpoint } from "../destinations/sealed-endpoint";
import { jobEvents, type SubscriptionBody, type SubscriptionView } from "./model";

export type SubscriptionStore = ReturnType<typeof createSubscriptionStore>;

export function createSubscriptionStore(deps: EndpointDeps) {
  const { db } = deps;
  const table = createSettingsTable<Row>(deps, { table: "subscriptions", key: "name", columns, sealed: { sealed: secretName } });
  return {
    ...createSettingsStore(table, subscriptionView),
    /** Creates or replaces, and switches a retired one on. Throws `invalid` for an address that may not be called, and beyond `maxSubscriptions`. */
    put: (tenant: string, name: string, body: SubscriptionBody, now: number): Promise<{ subscription: SubscriptionView; created: boolean }> =>
      putSubscription(deps, table, tenant, name, body, now),
    open: async (tenant: string, name: string): Promise<OpenedEndpoint> => {
      const row = await table.one(tenant, name);
      if (!row) return { ok: false, reason: `there is no subscription "${name}" any more` };
      if (row.retired !== null) return { ok: false, reason: row.retired };
      return openEndpoint(deps, tenant, secretName(name), row.sealed);
    },
    /** Switches it off until it is set again. False: it was off already, or was set meanwhile. */
    retire: async (tenant: string, name: string, { reason, since, at }: Retirement): Promise<boolean> =>
      (await table.write(tenant, db.prepare(retireSql).bind(tenant, name, reason, at, since))).meta.changes > 0,
  };
}

type Row = Omit<SubscriptionView, "events"> & { events: string; sealed: string };

const columns = "name, events, host, sealed, retired, retired_at AS retiredAt, created, updated";

const bound: RowBound = { table: "subscriptions", key: "name", max: maxSubscriptions, what: "subscriptions; remove one first" };

const putSql = `
  INSERT INTO subscriptions (tenant, name, events, jobs, host, sealed, created, updated) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7
  WHERE ${hasRoom(bound)}
  ON CONFLICT (tenant, name) DO UPDATE SET events = excluded.events, jobs = excluded.jobs, host = excluded.host, sealed = excluded.sealed,
    retired = NULL, retired_at = NULL, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

const retireSql = `
  UPDATE subscriptions SET retired = ?3, retired_at = ?4 WHERE tenant = ?1 AND name = ?2 AND retired IS NULL AND updated < ?5`;

async function putSubscription(
  deps: EndpointDeps,
  table: SettingsTable<Row>,
  tenant: string,
  name: string,
  { url, secret, events }: SubscriptionBody,
  now: number,
) {
  const { db } = deps;
  const host = hostOf(url, deps.rules);
  const before = await table.one(tenant, name);
  const sealed = await sealEndpoint(deps, tenant, secretName(name), { url, secret }, { before: before?.sealed ?? null, now });
  const jobs = events.some((each) => (jobEvents as readonly string[]).includes(each)) ? 1 : 0;
  const statement = db.prepare(putSql).bind(tenant, name, JSON.stringify(events), jobs, host, sealed, now);
  const [row] = (await table.write(tenant, statement)).results;
  if (!row) throw tooManyRows(bound);
  return { subscription: subscriptionView(row), created: row.created === row.updated };
}

function subscriptionView({ name, events, host, retired, retiredAt, created, updated }: Row): SubscriptionView {
  return { name, host, events: JSON.parse(events) as string[], retired, retiredAt, created, updated };
}

function secretName(name: string): string {
  return `subscription/${name}`;
}
