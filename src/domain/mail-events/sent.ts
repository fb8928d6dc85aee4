import { dayMs } from "../../time/day";
import { statement } from "../../d1";

/** A mail that a provider accepted. */
interface SentRow {
  provider: string;
  id: string;
  alias?: string | undefined;
  job: string;
  campaign?: string | undefined;
}

/** Days that sent mails are kept, so that events find them. */
const sentDays = 30;
/** Longer than the maximum age of `email` jobs (7 days). A campaign page may be older: the intent of each of its mails is an effect of the job. */
const attemptDays = 8;
const maxForgotten = 500;

/** Sent mails with their jobs, and the provider that may have a mail. */
export type SentStore = ReturnType<typeof createSentStore>;

export function createSentStore(db: D1Database) {
  const attempt = (tenant: string, key: string) =>
    db.prepare("SELECT provider, at FROM mail_attempts WHERE tenant = ?1 AND key = ?2").bind(tenant, key).first<{ provider: string; at: number }>();
  return {
    async record(tenant: string, mails: readonly SentRow[], now: number): Promise<void> {
      const rows = mails.flatMap(({ provider, id, alias, job, campaign }) =>
        [id, ...(alias === undefined ? [] : [alias])].map((each) => [provider, each, job, campaign ?? null]),
      );
      if (rows.length > 0) await db.prepare(insert).bind(tenant, JSON.stringify(rows), now).run();
    },
    /** The tenant and job of a mail, by its id at Cloudflare Email Service, whose events name no tenant. */
    ofCloudflare: (messageId: string): Promise<{ tenant: string; job: string; campaign: string | null } | null> =>
      db.prepare("SELECT tenant, job, campaign FROM mails WHERE provider = 'cloudflare' AND message_id = ?1 LIMIT 1").bind(messageId).first(),
    /** Records that a holder (an account at a provider) is tried with this key; an earlier record stays. */
    async begin(tenant: string, key: string, holder: string, now: number): Promise<{ holder: string; again: boolean; at: number }> {
      const sql = "INSERT INTO mail_attempts (tenant, key, provider, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING RETURNING provider";
      const { results } = await statement(db, sql, tenant, key, holder, now).all();
      if (results.length > 0) return { holder, again: false, at: now };
      const earlier = await attempt(tenant, key);
      return { holder: earlier?.provider ?? holder, again: true, at: earlier?.at ?? now };
    },
    /** The recorded holder; undefined where there is none. */
    holder: async (tenant: string, key: string): Promise<string | undefined> => (await attempt(tenant, key))?.provider,
    clear: async (tenant: string, key: string): Promise<void> =>
      void (await db.prepare("DELETE FROM mail_attempts WHERE tenant = ?1 AND key = ?2").bind(tenant, key).run()),
    /** For the tick: deletes old rows of all tenants. Returns how many. */
    async forgetOld(now: number): Promise<number> {
      const results = await db.batch([removeOldRows(db, "mails", now - sentDays * dayMs), removeOldRows(db, "mail_attempts", now - attemptDays * dayMs)]);
      return results.reduce((sum, { meta }) => sum + meta.changes, 0);
    },
  };
}

const insert = `
  INSERT INTO mails (tenant, provider, message_id, job, campaign, at)
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?3 FROM json_each(?2) WHERE TRUE ON CONFLICT DO NOTHING`;

/** Rows are in order of time, so the statement examines the first ones only. */
export function removeOldRows(db: D1Database, table: "mails" | "mail_attempts" | "mail_events", before: number): D1PreparedStatement {
  const oldest = `SELECT rowid, at FROM ${table} ORDER BY rowid LIMIT ${maxForgotten}`;
  return db.prepare(`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM (${oldest}) WHERE at < ?1)`).bind(before);
}
