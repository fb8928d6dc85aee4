import { dayMs, hourMs } from "../../time/day";
import { nameJob } from "../../ledger/entities";
import type { Label } from "./score";
import { velocity } from "./score";
import { identityKeys, type LeadKind, type Submission } from "./model";

/** A lead: the merged data of its submissions. Times in milliseconds. */
export interface Lead {
  id: string;
  project: string;
  kind: LeadKind;
  name: string | null;
  email: string | null;
  phone: string | null;
  visitorId: string | null;
  score: number;
  label: Label;
  suspicion: number;
  reasons: string[];
  submissions: number;
  crmId: string | null;
  created: number;
  updated: number;
}

export const follows = ["new", "again", "none"] as const;

/** A stored submission. `follow`: `new` created the lead, `again` is a return after the re-engagement time, `none` is a further submission before that. */
export interface Stored {
  lead: Lead;
  follow: (typeof follows)[number];
  /** Submissions of the same lead in the preceding 24 hours. */
  earlier: number;
  suspicion: number;
  reasons: string[];
  /** The lead's newest submission: this one, unless it arrived late. */
  newest: Submission;
  /** Other projects of the tenant with a lead of the same person. */
  related: string[];
}

export interface StoreRequest {
  tenant: string;
  /** Id of the job: the submission's id, and the lead's when it is new. */
  id: string;
  /** When it was submitted. */
  at: number;
  submission: Submission;
  reengageHours: number;
}

/** A field that none of this many newest submissions has keeps the lead's value. */
const lookBack = 50;

/** ?1 tenant, ?2 id, ?3 project, ?4 kind, ?5 at, ?6 re-engage ms, ?7 suspicion, ?8 reasons, ?9 data, ?10 identity keys. */
const addSubmission = `
  INSERT INTO lead_submissions (tenant, id, lead, project, at, follow, earlier, suspicion, reasons, data)
  SELECT ?1, ?2, r.lead, ?3, ?5,
    CASE WHEN l.id IS NULL THEN 'new' WHEN ?5 - l.engaged >= ?6 THEN 'again' ELSE 'none' END, r.earlier,
    min(100, ?7 + CASE WHEN r.earlier >= 2 THEN ${velocity.more.points} WHEN r.earlier = 1 THEN ${velocity.second.points} ELSE 0 END),
    CASE WHEN r.earlier >= 2 THEN json_insert(?8, '$[#]', '${velocity.more.reason}') WHEN r.earlier = 1 THEN json_insert(?8, '$[#]', '${velocity.second.reason}') ELSE ?8 END,
    ?9
  FROM (
    SELECT w.lead, (SELECT count(*) FROM (
      SELECT 1 FROM lead_submissions s WHERE s.tenant = ?1 AND s.lead = w.lead AND s.at > ?5 - ${dayMs} AND s.at <= ?5 AND s.id <> ?2 LIMIT 100)) AS earlier
    FROM (SELECT coalesce((
      SELECT i.lead FROM json_each(?10) k CROSS JOIN lead_identities i ON i.tenant = ?1 AND i.key = k.value AND i.project = ?3 AND i.kind = ?4
      ORDER BY k.key, i.at, i.lead LIMIT 1), ?2) AS lead) w
  ) r LEFT JOIN leads l ON l.tenant = ?1 AND l.id = r.lead
  WHERE true
  ON CONFLICT DO NOTHING`;

/** ?1 tenant, ?2 id, ?3 project, ?4 kind, ?5 at, ?6 identity keys. */
const addIdentities = `
  INSERT INTO lead_identities (tenant, key, project, kind, at, lead)
  SELECT ?1, k.value, ?3, ?4, ?5, s.lead FROM json_each(?6) k CROSS JOIN lead_submissions s ON s.tenant = ?1 AND s.id = ?2
  WHERE true
  ON CONFLICT DO NOTHING`;

/** The newest submission with a field decides its value, in whatever order they arrive; an absent field removes nothing. */
const newestSaying = (path: string) => `(
  SELECT b.answer FROM (SELECT data ->> '$.contact.${path}' AS answer, at, id FROM lead_submissions WHERE tenant = s.tenant AND lead = s.lead ORDER BY at DESC, id DESC LIMIT ${lookBack}) b
  WHERE b.answer IS NOT NULL ORDER BY b.at DESC, b.id DESC LIMIT 1)`;

/** ?1 tenant, ?2 id, ?3 kind. A submission that is merged already changes nothing. */
const applyToLead = `
  INSERT INTO leads (tenant, id, project, kind, name, email, phone, visitor, score, label, suspicion, reasons, submissions, engaged, created, updated, newest)
  SELECT s.tenant, s.lead, s.project, ?3, ${newestSaying("name")}, ${newestSaying("email")}, ${newestSaying("phone")}, ${newestSaying("visitorId")},
    n.data ->> '$.score', n.data ->> '$.label', n.suspicion, n.reasons, 1, iif(s.follow = 'none', 0, s.at), s.at, n.at, n.id
  FROM lead_submissions s JOIN lead_submissions n ON n.tenant = s.tenant AND n.id = (
    SELECT id FROM lead_submissions WHERE tenant = s.tenant AND lead = s.lead ORDER BY at DESC, id DESC LIMIT 1)
  WHERE s.tenant = ?1 AND s.id = ?2 AND s.applied = 0
  ON CONFLICT (tenant, id) DO UPDATE SET
    name = coalesce(excluded.name, name), email = coalesce(excluded.email, email), phone = coalesce(excluded.phone, phone),
    visitor = coalesce(excluded.visitor, visitor), score = excluded.score, label = excluded.label, suspicion = excluded.suspicion,
    reasons = excluded.reasons, submissions = submissions + 1, engaged = max(engaged, excluded.engaged), created = min(created, excluded.created),
    updated = excluded.updated, newest = excluded.newest`;

/** ?1 tenant, ?2 lead. */
const refreshSql = `
  UPDATE leads SET name = ${newestSaying("name")}, email = ${newestSaying("email")}, phone = ${newestSaying("phone")}, visitor = ${newestSaying("visitorId")},
    score = s.data ->> '$.score', label = s.data ->> '$.label', suspicion = s.suspicion, reasons = s.reasons, newest = s.id, updated = s.at,
    submissions = (SELECT count(*) FROM lead_submissions WHERE tenant = ?1 AND lead = ?2)
  FROM (SELECT * FROM lead_submissions WHERE tenant = ?1 AND lead = ?2 ORDER BY at DESC, id DESC LIMIT 1) s
  WHERE leads.tenant = ?1 AND leads.id = ?2`;

/** Merges a lead again from its submissions, after some were deleted. */
export function refreshLead(db: D1Database, tenant: string, lead: string): D1PreparedStatement {
  return db.prepare(refreshSql).bind(tenant, lead);
}

const noteLast = `
  INSERT INTO lead_silence (tenant, project, last, since) VALUES (?1, ?2, ?3, ?3)
  ON CONFLICT (tenant, project) DO UPDATE SET last = max(coalesce(last, 0), excluded.last)`;

const markApplied = `UPDATE lead_submissions SET applied = 1 WHERE tenant = ?1 AND id = ?2 AND applied = 0`;

export const leadColumns = `l.id, l.project, l.kind, l.name, l.email, l.phone, l.visitor, l.score, l.label, l.suspicion, l.reasons, l.submissions, l.crm_id, l.created, l.updated`;

const readStored = `
  SELECT ${leadColumns}, s.follow, s.earlier, s.suspicion AS own_suspicion, s.reasons AS own_reasons, n.data
  FROM lead_submissions s JOIN leads l ON l.tenant = s.tenant AND l.id = s.lead JOIN lead_submissions n ON n.tenant = l.tenant AND n.id = l.newest
  WHERE s.tenant = ?1 AND s.id = ?2`;

const readRelated = `
  SELECT DISTINCT i.project FROM json_each(?2) k CROSS JOIN lead_identities i ON i.tenant = ?1 AND i.key = k.value
  WHERE i.project <> ?3 AND i.kind = ?4 ORDER BY i.project LIMIT 20`;

/**
 * Stores a submission and updates its lead in one transaction, which decides the lead, the changes and what must follow.
 * A repeated submission changes nothing and returns the same result. `more` commits with it.
 */
export async function storeSubmission(db: D1Database, request: StoreRequest, more: readonly D1PreparedStatement[] = []): Promise<Stored> {
  const { tenant, id, at, submission, reengageHours } = request;
  const { project, kind, suspicion, reasons } = submission;
  const keys = JSON.stringify(identityKeys(submission));
  const on = (sql: string, ...values: (string | number)[]) => db.prepare(sql).bind(...values);
  const writes = [
    on(addSubmission, tenant, id, project, kind, at, Math.round(reengageHours * hourMs), suspicion, JSON.stringify(reasons), JSON.stringify(submission), keys),
    on(addIdentities, tenant, id, project, kind, at, keys),
    on(applyToLead, tenant, id, kind),
    ...(kind === "lead" ? [on(noteLast, tenant, project, at)] : []),
    on(markApplied, tenant, id),
    ...more,
  ];
  const results = await db.batch<StoredRow>([...writes, on(readStored, tenant, id), on(readRelated, tenant, keys, project, kind)]);
  const row = results[writes.length]?.results[0];
  if (!row) throw new Error("a submission was stored and its lead is not there");
  const related = (results[writes.length + 1]?.results ?? []).map((each) => each.project);
  return {
    lead: leadOf(row),
    follow: row.follow,
    earlier: row.earlier,
    suspicion: row.own_suspicion,
    reasons: JSON.parse(row.own_reasons) as string[],
    newest: JSON.parse(row.data) as Submission,
    related,
  };
}

export interface LeadRow extends Omit<Lead, "visitorId" | "reasons" | "crmId"> {
  visitor: string | null;
  reasons: string;
  crm_id: string | null;
}

interface StoredRow extends LeadRow {
  follow: Stored["follow"];
  earlier: number;
  own_suspicion: number;
  own_reasons: string;
  data: string;
}

export function leadOf(row: LeadRow): Lead {
  const { id, project, kind, name, email, phone, visitor, score, label, suspicion, submissions, crm_id: crmId, created, updated } = row;
  const reasons = JSON.parse(row.reasons) as string[];
  return { id, project, kind, name, email, phone, visitorId: visitor, score, label, suspicion, reasons, submissions, crmId, created, updated };
}

/** Makes the job findable by the lead that the same transaction decides for its submission. */
export function nameAfterLead(db: D1Database, tenant: string, submission: string): D1PreparedStatement[] {
  return nameJob(db, tenant, submission, "SELECT 'lead:' || lead AS key FROM lead_submissions WHERE tenant = ?1 AND id = ?2");
}
