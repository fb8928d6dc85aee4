/** A mail that a provider took. */
export interface SentRow {
  provider: string;
  id: string;
  alias?: string | undefined;
  job: string;
  campaign?: string | undefined;
}

/** Days for which events still find their mail. */
export const sentDays = 30;
/** Longer than a job may live. */
const attemptDays = 8;
const maxForgotten = 500;
/** Milliseconds. */
const day = 24 * 3_600_000;

/** Which job sent which mail, and which provider may have one. */
export interface SentStore {
  record(tenant: string, mails: readonly SentRow[], now: number): Promise<void>;
  /** Whose mail this is, by an id of Cloudflare Email Service: its events name no tenant. */
  ofCloudflare(messageId: string): Promise<{ tenant: string; job: string; campaign: string | null } | null>;
  /** Notes that a holder, an account at a provider, is tried with this key; one that was noted before stays. */
  begin(tenant: string, key: string, holder: string, now: number): Promise<{ holder: string; again: boolean; at: number }>;
  /** The noted one; undefined where there is none. */
  holder(tenant: string, key: string): Promise<string | undefined>;
  clear(tenant: string, key: string): Promise<void>;
  /** For the tick: removes what is too old, of all tenants; returns how many. */
  forgetOld(now: number): Promise<number>;
}

export function createSentStore(db: D1Database): SentStore {
  const attempt = (tenant: string, key: string) =>
    db.prepare("SELECT provider, at FROM mail_attempts WHERE tenant = ?1 AND key = ?2").bind(tenant, key).first<{ provider: string; at: number }>();
  return {
    async record(tenant, mails, now) {
      const rows = mails.flatMap(({ provider, id, alias, job, campaign }) =>
        [id, ...(alias === undefined ? [] : [alias])].map((each) => [provider, each, job, campaign ?? null]),
      );
      if (rows.length > 0) await db.prepare(insert).bind(tenant, JSON.stringify(rows), now).run();
    },
    ofCloudflare: (messageId) =>
      db.prepare("SELECT tenant, job, campaign FROM mails WHERE provider = 'cloudflare' AND message_id = ?1 LIMIT 1").bind(messageId).first(),
    async begin(tenant, key, holder, now) {
      const { results } = await db
        .prepare("INSERT INTO mail_attempts (tenant, key, provider, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING RETURNING provider")
        .bind(tenant, key, holder, now)
        .all();
      if (results.length > 0) return { holder, again: false, at: now };
      const known = await attempt(tenant, key);
      return { holder: known?.provider ?? holder, again: true, at: known?.at ?? now };
    },
    holder: async (tenant, key) => (await attempt(tenant, key))?.provider,
    clear: async (tenant, key) => void (await db.prepare("DELETE FROM mail_attempts WHERE tenant = ?1 AND key = ?2").bind(tenant, key).run()),
    async forgetOld(now) {
      const results = await db.batch([removeOld(db, "mails", now - sentDays * day), removeOld(db, "mail_attempts", now - attemptDays * day)]);
      return results.reduce((sum, { meta }) => sum + meta.changes, 0);
    },
  };
}

const insert = `
  INSERT INTO mails (tenant, provider, message_id, job, campaign, at)
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?3 FROM json_each(?2) WHERE TRUE ON CONFLICT DO NOTHING`;

/** The oldest rows come first, so a look at the first few is enough. */
export function removeOld(db: D1Database, table: "mails" | "mail_attempts" | "mail_events", before: number): D1PreparedStatement {
  const oldest = `SELECT rowid, at FROM ${table} ORDER BY rowid LIMIT ${maxForgotten}`;
  return db.prepare(`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM (${oldest}) WHERE at < ?1)`).bind(before);
}
