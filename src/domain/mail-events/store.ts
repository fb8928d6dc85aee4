import { changes, statement } from "../../d1";
import { dayMs, hourMs } from "../../time/day";
import { type HashAddress, hashList, type SuppressionReason, type SuppressionScope } from "../suppressions/model";
import type { MailEvent } from "../../providers/mail/events/event";
import { suppressionOf } from "./model";
import { removeOldRows } from "./sent";

/** Days that the receiving server's message is kept, and the event. */
const detailDays = 30;
const eventDays = 90;
/** An event that comes before its mail is recorded can be joined to it for this time. */
export const joinForMs = hourMs;
const maxJoined = 500;
const maxForgotten = 500;
/** The mail that an event belongs to, where it is known. */
interface EventOrigin {
  job?: string | undefined;
  campaign?: string | null | undefined;
}

/** An event as it may be shown, without the address. */
export interface MailEventView {
  kind: MailEvent["kind"];
  class: string | null;
  provider: string;
  detail: string | null;
  job: string | null;
  campaign: string | null;
  at: number;
}

export type MailEventStore = ReturnType<typeof createMailEventStore>;

/** The position up to which old messages were deleted; empty at the beginning. */
interface WordsMark {
  read(): Promise<string>;
  write(position: string): Promise<void>;
}

interface MailEventStoreDeps {
  db: D1Database;
  words: WordsMark;
  hash: HashAddress;
  /** Masks addresses, links and similar data. */
  masked: (text: string) => string;
}

export function createMailEventStore({ db, words, hash, masked }: MailEventStoreDeps) {
  const rowOf = async (tenant: string, event: MailEvent): Promise<EventRow[]> => {
    const recipientHash = await hash(tenant, event.recipient);
    if (recipientHash === undefined) return [];
    const { scope, reason } = suppressionOf(event) ?? {};
    const detail = event.detail === undefined ? null : masked(event.detail);
    const id = `${event.id.slice(0, 260)}:${recipientHash}`;
    return [{ id, message: event.messageId, kind: event.kind, class: event.class, hash: recipientHash, detail, scope, reason, address: event.recipient }];
  };
  return {
    /**
     * Records events, and suppresses addresses that must get no more mail. A repeated event has no effect; invalid addresses are skipped. Throws when the
     * database cannot be reached.
     */
    async take(tenant: string, provider: string, events: readonly MailEvent[], now: number, origin?: EventOrigin): Promise<void> {
      const rows = JSON.stringify((await Promise.all(events.map((event) => rowOf(tenant, event)))).flat());
      // One transaction. The suppressions come first: they follow from events that are not stored yet, so that a lifted suppression is not set again by
      // a repeat.
      await db.batch([
        db.prepare(suppress).bind(tenant, rows, now),
        db.prepare(insert).bind(tenant, rows, provider, origin?.job ?? null, origin?.campaign ?? null, now),
      ]);
    },
    /** Events of one job, oldest first; at most 200. */
    async ofJob(tenant: string, job: string): Promise<MailEventView[]> {
      const sql = "SELECT kind, class, provider, detail, job, campaign, at FROM mail_events WHERE tenant = ?1 AND job = ?2 ORDER BY at LIMIT 200";
      return (await db.prepare(sql).bind(tenant, job).all<MailEventView>()).results;
    },
    /** The number of a campaign's recipients by kind of event. */
    async countsOf(tenant: string, campaign: string): Promise<Partial<Record<MailEvent["kind"], number>>> {
      const sql = "SELECT kind, COUNT(DISTINCT hash) AS count FROM mail_events WHERE tenant = ?1 AND campaign = ?2 GROUP BY kind";
      const { results } = await db.prepare(sql).bind(tenant, campaign).all<{ kind: MailEvent["kind"]; count: number }>();
      return Object.fromEntries(results.map(({ kind, count }) => [kind, count]));
    },
    /** Deletes the events of these addresses. Returns how many. */
    async erase(tenant: string, addresses: readonly string[]): Promise<number> {
      const sql = "DELETE FROM mail_events WHERE tenant = ?1 AND hash IN (SELECT value FROM json_each(?2))";
      const hashes = await hashList(hash, tenant, addresses);
      return changes(db, sql, tenant, hashes);
    },
    /** For the tick, for all tenants: joins events to mails that were recorded later. Returns how many. */
    async join(now: number): Promise<number> {
      const [joined] = await db.batch([db.prepare(join), db.prepare(`UPDATE mail_events SET open = 0 WHERE open = 1 AND at < ?1`).bind(now - joinForMs)]);
      return joined?.meta.changes ?? 0;
    },
    /** For the tick, for all tenants: deletes old messages of servers, later the events. Returns how many rows. */
    async forgetOld(now: number): Promise<number> {
      const forgotten = await forgetDetails(db, words, now - detailDays * dayMs);
      return forgotten + (await removeOldRows(db, "mail_events", now - eventDays * dayMs).run()).meta.changes;
    },
  };
}

/** One event about one recipient, with the suppression that follows from it. */
interface EventRow {
  id: string;
  message: string | undefined;
  kind: MailEvent["kind"];
  class: string | undefined;
  hash: string;
  detail: string | null;
  scope: SuppressionScope | undefined;
  reason: SuppressionReason | undefined;
  address: string;
}

const suppress = `
  INSERT INTO suppressions (tenant, hash, scope, reason, address, since)
  SELECT ?1, value ->> 'hash', value ->> 'scope', value ->> 'reason', value ->> 'address', ?3 FROM json_each(?2)
  WHERE value ->> 'scope' IS NOT NULL AND NOT EXISTS (SELECT 1 FROM mail_events e WHERE e.tenant = ?1 AND e.id = value ->> 'id')
  ON CONFLICT DO NOTHING`;

/** ?1 tenant, ?2 rows, ?3 provider, ?4 job, ?5 campaign, ?6 now. `at` is when the event was received: the sender's clock is not trusted. */
const insert = `
  INSERT INTO mail_events (tenant, id, provider, message_id, kind, class, hash, detail, job, campaign, open, at)
  SELECT ?1, r.value ->> 'id', ?3, r.value ->> 'message', r.value ->> 'kind', r.value ->> 'class', r.value ->> 'hash', r.value ->> 'detail',
    coalesce(?4, m.job), coalesce(?5, m.campaign), ?4 IS NULL AND m.job IS NULL AND r.value ->> 'message' IS NOT NULL, ?6
  FROM json_each(?2) r LEFT JOIN mails m ON m.tenant = ?1 AND m.provider = ?3 AND m.message_id = r.value ->> 'message'
  WHERE TRUE ON CONFLICT DO NOTHING`;

const join = `
  UPDATE mail_events SET job = m.job, campaign = m.campaign, open = 0
  FROM (SELECT rowid AS place, tenant, provider, message_id FROM mail_events WHERE open = 1 ORDER BY at LIMIT ${maxJoined}) AS early
  JOIN mails m ON m.tenant = early.tenant AND m.provider = early.provider AND m.message_id = early.message_id
  WHERE mail_events.rowid = early.place`;

/** Rows are in order of time, so a walk that continues from its mark visits each once. It restarts when the table was emptied meanwhile. */
async function forgetDetails(db: D1Database, mark: WordsMark, before: number): Promise<number> {
  const from = Number((await mark.read()) || 0);
  const page = `SELECT rowid AS place, at FROM mail_events WHERE rowid > ?1 ORDER BY rowid LIMIT ${maxForgotten}`;
  const sql = `SELECT (SELECT max(place) FROM (${page}) WHERE at < ?2) AS until, (SELECT max(rowid) FROM mail_events) AS last`;
  const range = await db.prepare(sql).bind(from, before).first<{ until: number | null; last: number | null }>();
  if ((range?.last ?? 0) < from) await mark.write("0");
  if (!range?.until) return 0;
  const forgetSql = "UPDATE mail_events SET detail = NULL WHERE rowid > ?1 AND rowid <= ?2 AND detail IS NOT NULL";
  const { meta } = await statement(db, forgetSql, from, range.until).run();
  await mark.write(String(range.until));
  return meta.changes;
}
