import * as v from "valibot";
import { mediaSettings } from "./media-settings";
import { boundedList, boundedText } from "../bounded";
import { isTimezone } from "../time/zone";
import { checked, checkName, invalidProblem, reservedTenant } from "./names";

const days = v.optional(v.pipe(v.number(), v.integer("must be whole days"), v.minValue(1, "must be at least 1"), v.maxValue(3650, "must be at most 3650")));

/** An address of From or Reply-To: `a@b.cz` or `Name <a@b.cz>`. */
const plain = String.raw`[^\s<>@]+@[^\s<>@.]+(?:\.[^\s<>@.]+)+`;
export const mailboxSchema = boundedText(320, {
  pattern: new RegExp(`^(?:[^<>@\\r\\n]*<${plain}>|${plain})$`),
  rule: "must be an e-mail address, or a name and an address in <>",
});

export const settingsSchema = v.strictObject({
  /** Sender of mails where neither the job nor the connection names one. */
  mail: v.optional(v.strictObject({ from: v.optional(mailboxSchema) })),
  /** Jobs accepted per minute; default: no limit. */
  quota: v.optional(
    v.strictObject({
      jobsPerMinute: v.optional(
        v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"), v.maxValue(1_000_000, "must be at most 1,000,000")),
      ),
    }),
  ),
  /** What the tenant's jobs should cost at most in a month, USD, estimated: the report warns at 80 % and when it is used up. */
  budget: v.optional(
    v.strictObject({ usdPerMonth: v.pipe(v.number(), v.minValue(0.01, "must be at least 0.01"), v.maxValue(1_000_000, "must be at most 1,000,000")) }),
  ),
  /** Days for which ended jobs are kept, by state, counted events, and facts of events. */
  retention: v.optional(v.strictObject({ done: days, cancelled: days, discarded: days, dead: days, analytics: days, facts: days })),
  /** Channels of alerts besides the connection `slack`: mail addresses, and one of the tenant's destinations. */
  alerts: v.optional(
    v.strictObject({
      slack: v.optional(v.boolean()),
      email: v.optional(boundedList(mailboxSchema, 20)),
      destination: v.optional(boundedText(63, { pattern: /^[a-z0-9-]+$/, rule: "must be the name of a destination" })),
    }),
  ),
  /** Variants and alt texts of uploaded pictures. */
  media: v.optional(mediaSettings),
  /** Events of types outside the catalogue: refused (default), or stored only. */
  events: v.optional(v.strictObject({ unknown: v.optional(v.picklist(["refuse", "store"], "must be refuse or store")) })),
});

export type TenantSettings = v.InferOutput<typeof settingsSchema>;

/** The body of `PUT /v1/tenants/{tenant}`. An omitted field gets its default. */
export const tenantSchema = v.strictObject({
  name: boundedText(200, { min: 1, trim: true }),
  timezone: v.optional(v.pipe(boundedText(64), v.check(isTimezone, "must be an IANA time zone such as Europe/Prague")), "UTC"),
  settings: v.optional(settingsSchema, {}),
});

export interface Tenant {
  tenant: string;
  name: string;
  timezone: string;
  settings: TenantSettings;
  created: number;
  updated: number;
}

/** Called after each change of the snapshot. Never throws: the tick repeats what failed. */
export type Changed = (tenant: string) => Promise<void>;

export type TenantStore = ReturnType<typeof createTenantStore>;

export function createTenantStore(db: D1Database, changed: Changed) {
  return {
    /** Creates or replaces. Throws `invalid` for a wrong name or body; `system` is reserved. */
    async put(tenant: string, body: unknown, now: number): Promise<{ tenant: Tenant; created: boolean }> {
      checkName("tenant", tenant);
      if (tenant === reservedTenant) throw invalidProblem([{ path: "tenant", message: `"${reservedTenant}" is reserved` }]);
      const { name, timezone, settings } = checked(tenantSchema, body);
      const row = await db.prepare(putSql).bind(tenant, name, timezone, JSON.stringify(settings), now).first<Row & { version: number }>();
      if (!row) throw new Error("The upsert of a tenant returned no row");
      await changed(tenant);
      return { tenant: fromRow(row), created: row.version === 1 };
    },
    async get(tenant: string): Promise<Tenant | null> {
      const row = await db.prepare(`SELECT ${columns} FROM tenants WHERE tenant = ?1`).bind(tenant).first<Row>();
      return row && fromRow(row);
    },
    /** All tenants by name, `limit` of them after `after`. For the root token and the tick only. */
    async list({ after = "", limit = 1000 }: { after?: string; limit?: number } = {}): Promise<Tenant[]> {
      const { results } = await db.prepare(`SELECT ${columns} FROM tenants WHERE tenant > ?1 ORDER BY tenant LIMIT ?2`).bind(after, limit).all<Row>();
      return results.map(fromRow);
    },
    /** For the tick: the settings of several tenants in one statement; those that do not exist are missing. */
    async settingsOf(tenants: readonly string[]): Promise<Map<string, TenantSettings>> {
      const sql = "SELECT tenant, settings FROM tenants WHERE tenant IN (SELECT value FROM json_each(?1))";
      const { results } = await db.prepare(sql).bind(JSON.stringify(tenants)).all<Pick<Row, "tenant" | "settings">>();
      return new Map(results.map(({ tenant, settings }) => [tenant, JSON.parse(settings) as TenantSettings]));
    },
  };
}

/** The version that a change raises, as a statement of the batch that makes the change. */
export function raiseVersion(db: D1Database, tenant: string): D1PreparedStatement {
  return db.prepare("UPDATE tenants SET version = version + 1 WHERE tenant = ?1").bind(tenant);
}

type Row = Omit<Tenant, "settings"> & { settings: string };

const columns = "tenant, name, timezone, settings, created, updated";

const putSql = `
  INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
  ON CONFLICT (tenant) DO UPDATE SET
    name = excluded.name, timezone = excluded.timezone, settings = excluded.settings, updated = excluded.updated, version = version + 1
  RETURNING ${columns}, version`;

function fromRow(row: Row): Tenant {
  const { tenant, name, timezone, created, updated } = row;
  return { tenant, name, timezone, settings: JSON.parse(row.settings) as TenantSettings, created, updated };
}
