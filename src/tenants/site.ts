import * as v from "valibot";
import { type AddressRules, checkAddress } from "../address/address";
import { boundedText } from "../bounded";
import { type RowBound, hasRoom, maxSites } from "./bounds";
import { checked, checkName, invalidProblem, whyRefused } from "./names";
import { createSettingsStore, createSettingsTable, type SettingsTable } from "./settings-table";
import { sharedSecret } from "./shared-secret";
import type { Section } from "./snapshot";
import type { Changed } from "./tenant";
import type { Opened, Vault } from "./vault";

/**
 * How a shop's module signs: HMAC-SHA-256 of the raw body as hex or base64 (also after `sha256=`), or the Standard Webhooks scheme. `token`: no
 * signature, but the secret itself in the header or as `?token=`.
 */
export const webhookFormats = ["hex", "base64", "standard", "token"] as const;

const url = boundedText(2048);

const seconds = "must be whole seconds from 10 to 3600";

export const webhookSchema = v.strictObject({
  secret: sharedSecret,
  header: v.optional(boundedText(100, { pattern: /^[A-Za-z0-9-]{1,100}$/, rule: "must be the name of a header" }), "X-Prestashop-Signature"),
  format: v.optional(v.picklist(webhookFormats, `must be one of ${webhookFormats.join(", ")}`), "hex"),
  /** The prefix of the signature. Default `sha256=`. */
  prefix: v.optional(boundedText(32, { pattern: /^ *[\x21-\x7e][\x20-\x7e]*$/, rule: "must be 1 to 32 characters of ASCII, not blanks alone" })),
  /** A header with the time (seconds since 1970) that is signed before the body: `time.body`. */
  timestampHeader: v.optional(boundedText(100, { pattern: /^[A-Za-z0-9-]{1,100}$/, rule: "must be the name of a header" })),
  /** Seconds that this time may differ from the Worker's clock. Default 300. */
  toleranceSeconds: v.optional(v.pipe(v.number(), v.integer(seconds), v.minValue(10, seconds), v.maxValue(3600, seconds))),
});

/** The body of `PUT /v1/sites/{site}`. Without `webhook` the site accepts none. */
export const siteSchema = v.strictObject({
  platform: v.picklist(["prestashop"], "must be prestashop"),
  /** The shop's address, with its folder if it has one; calls append `/api`. */
  url,
  /** The key is the user name of Basic authentication, which must not contain a colon. */
  key: v.pipe(
    boundedText(256, { pattern: /^[!-9;-~]{1,256}$/, rule: "must be 1 to 256 visible ASCII characters without a colon" }),
    v.description("The shop's webservice key; PrestaShop's has 32 characters"),
  ),
  keyIn: v.optional(
    v.pipe(
      v.picklist(["header", "address"], "must be header or address"),
      v.description("Where the key travels: address (ws_key) only for a server that drops the Authorization header, since addresses end in its logs"),
    ),
    "header",
  ),
  webhook: v.optional(webhookSchema),
});

/** A site's webhook without its secret. */
export type WebhookSettings = Omit<v.InferOutput<typeof webhookSchema>, "secret">;
type SiteBody = v.InferOutput<typeof siteSchema>;
type KeyIn = SiteBody["keyIn"];

/** A site as it may be shown. */
export interface SiteView {
  site: string;
  platform: "prestashop";
  url: string;
  keyIn: KeyIn;
  webhook: WebhookSettings | null;
  created: number;
  updated: number;
}

type Site = Pick<SiteView, "site" | "platform" | "url" | "keyIn"> & { key: string };

/** `unreadable`: the sealed key cannot be opened, and the tenant must set it again. */
type OpenedSite = { ok: true; value: Site } | { ok: false; reason: "missing" | "unreadable"; detail: string };

/** A site's webhook in the snapshot; `openWebhookSecret` opens `sealed`. */
export interface SiteWebhook extends WebhookSettings {
  sealed: string;
}

declare module "./snapshot" {
  interface SnapshotSections {
    /** By site; null: no webhooks are accepted. */
    sites: Record<string, { platform: string; webhook: SiteWebhook | null }>;
  }
}

export type SiteStore = ReturnType<typeof createSiteStore>;

export function createSiteStore(db: D1Database, vault: Vault, rules: AddressRules, changed: Changed) {
  const table = createSettingsTable<Row>(
    { db, vault, changed },
    { table: "sites", key: "site", columns, sealed: { key: keyName, webhook_secret: webhookName } },
  );
  return {
    ...createSettingsStore(table, siteView),
    /** Throws `invalid` for a wrong name, body or address and beyond `maxSites`, `not-found` when there is no such tenant. */
    async put(tenant: string, site: string, body: unknown, now: number): Promise<{ site: SiteView; created: boolean }> {
      checkName("site", site);
      const row = await write(db, vault, table, { tenant, site, now, ...withAddress(checked(siteSchema, body), rules) });
      return { site: siteView(row), created: row.created === row.updated };
    },
    async open(tenant: string, site: string): Promise<OpenedSite> {
      const row = await table.one(tenant, site);
      if (!row) return { ok: false, reason: "missing", detail: `There is no site "${site}".` };
      const key = await vault.open(tenant, keyName(site), row.key);
      if (!key.ok) return { ok: false, reason: "unreadable", detail: `The key of site "${site}" must be set again: ${key.reason}.` };
      return { ok: true, value: { site, platform: row.platform, url: row.url, key: key.text, keyIn: row.key_in } };
    },
  };
}

/** For the snapshot: how each site signs its webhooks. */
export const siteSection: Section<"sites"> = {
  name: "sites",
  read: (db, tenant) => db.prepare("SELECT site, platform, webhook, webhook_secret AS sealed FROM sites WHERE tenant = ?1 ORDER BY site").bind(tenant),
  shape: (rows) =>
    Object.fromEntries(
      rows.map(({ site, platform, webhook, sealed }) => [
        String(site),
        { platform: String(platform), webhook: typeof webhook === "string" ? { ...JSON.parse(webhook), sealed: String(sealed) } : null },
      ]),
    ),
};

/** The secret with which a site signs its webhooks, opened from the snapshot. */
export function openWebhookSecret(vault: Vault, tenant: string, site: string, webhook: SiteWebhook): Promise<Opened> {
  return vault.open(tenant, webhookName(site), webhook.sealed);
}

interface Row extends Omit<Site, "keyIn"> {
  key_in: KeyIn;
  webhook: string | null;
  webhook_secret: string | null;
  created: number;
  updated: number;
}

const columns = "site, platform, url, key, webhook, webhook_secret, created, updated, key_in";

const bound: RowBound = { table: "sites", key: "site", max: maxSites, what: "sites; remove one first" };

const putSql = `
  INSERT INTO sites (tenant, ${columns}) SELECT tenant, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9 FROM tenants WHERE tenant = ?1 AND ${hasRoom(bound)}
  ON CONFLICT (tenant, site) DO UPDATE SET
    platform = excluded.platform, url = excluded.url, key = excluded.key, webhook = excluded.webhook, webhook_secret = excluded.webhook_secret,
    key_in = excluded.key_in, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

async function write(db: D1Database, vault: Vault, table: SettingsTable<Row>, site: SiteBody & { tenant: string; site: string; now: number }): Promise<Row> {
  const { tenant, webhook } = site;
  const key = await vault.seal(tenant, keyName(site.site), site.key);
  const { secret: open, ...rest } = webhook ?? { secret: null };
  const settings = open === null ? null : JSON.stringify(rest);
  const secret = open === null ? null : await vault.seal(tenant, webhookName(site.site), open);
  const put = db.prepare(putSql).bind(tenant, site.site, site.platform, site.url, key, settings, secret, site.now, site.keyIn);
  const [row] = (await table.write(tenant, put)).results;
  if (!row) throw await whyRefused(db, tenant, bound);
  return row;
}

function withAddress(body: SiteBody, rules: AddressRules): SiteBody {
  const checked = checkAddress(body.url, rules);
  if (!checked.ok) throw invalidProblem([{ path: "url", message: checked.reason }]);
  if (checked.url.search || checked.url.hash) throw invalidProblem([{ path: "url", message: "must be the shop's address without ? or #" }]);
  return { ...body, url: checked.url.href.replace(/(?<!\/)\/+$/, "") };
}

function siteView({ site, platform, url, key_in: keyIn, webhook, created, updated }: Row): SiteView {
  return { site, platform, url, keyIn, webhook: webhook ? (JSON.parse(webhook) as SiteView["webhook"]) : null, created, updated };
}

function keyName(site: string): string {
  return `site/${site}/key`;
}

function webhookName(site: string): string {
  return `site/${site}/webhook`;
}
