import { statement } from "../../d1";
import { finder } from "../../fold";
import { readEmail } from "./email";
import { readPhone } from "./phone";
import { type Lead, type LeadRow, leadColumns, leadOf, type Stored } from "./store";
import type { Submission } from "./model";

export interface LeadFilter {
  project?: string | undefined;
  /** Created at or after, and before. Milliseconds. */
  from?: number | undefined;
  to?: number | undefined;
  /** An id, an e-mail address, a telephone number, a visitor id, or a part of one of them or of the name. */
  q?: string | undefined;
  /** True: robots only; false: no robots. */
  bot?: boolean | undefined;
}

export interface SubmissionView {
  /** Id of its job. */
  id: string;
  at: number;
  follow: Stored["follow"];
  suspicion: number;
  reasons: string[];
  submission: Submission;
}

export interface LeadDetail {
  lead: Lead;
  /** The newest first. */
  submissions: SubmissionView[];
  activity: { at: number; type: string; body: unknown }[];
}

interface LeadPage {
  leads: Lead[];
  cursor: string | null;
}

/** Rows that a search examines before it returns its page with a cursor. */
const maxExamined = 2000;
const pageExamined = 500;
const maxShown = 500;

/** Newest first. With `q` a page may have fewer rows than `limit`, and a cursor. */
export async function listLeads(db: D1Database, tenant: string, filter: LeadFilter, page: { cursor?: string | undefined; limit: number }): Promise<LeadPage> {
  const exact = filter.q === undefined ? [] : await byIdentity(db, tenant, filter.q);
  if (exact.length > 0) return { leads: exact.filter((lead) => matchesFilter(lead, filter)).slice(0, page.limit), cursor: null };
  const kept: Lead[] = [];
  const holds = finder(filter.q ?? "");
  let below = positionOf(page.cursor);
  const size = filter.q === undefined && filter.bot !== false ? page.limit + 1 : pageExamined;
  for (let examined = 0; examined < maxExamined; examined += size) {
    const rows = await nextRows(db, tenant, filter, below, size);
    for (const lead of rows.map(leadOf)) {
      if ((filter.q !== undefined && !matchesText(lead, filter.q, holds)) || !matchesFilter(lead, filter)) continue;
      if (kept.length === page.limit) return { leads: kept, cursor: cursorOf(kept.at(-1)) };
      kept.push(lead);
    }
    const last = rows.at(-1);
    if (rows.length < size || !last) return { leads: kept, cursor: null };
    below = { created: last.created, id: last.id };
  }
  return { leads: kept, cursor: `${below.created}.${below.id}` };
}

/** A lead by its id, or by the id of one of its submissions. */
export async function getLead(db: D1Database, tenant: string, id: string): Promise<LeadDetail | null> {
  const find = `SELECT ${leadColumns} FROM leads l WHERE l.tenant = ?1 AND l.id = coalesce((SELECT lead FROM lead_submissions WHERE tenant = ?1 AND id = ?2), ?2)`;
  const row = await db.prepare(find).bind(tenant, id).first<LeadRow>();
  if (!row) return null;
  const newest = (table: string, columns: string, order: string) =>
    statement(db, `SELECT ${columns} FROM ${table} WHERE tenant = ?1 AND lead = ?2 ORDER BY ${order} LIMIT ${maxShown}`, tenant, row.id);
  const [submissions, activity] = await db.batch<SubmissionRow & { type: string; body: string }>([
    newest("lead_submissions", "id, at, follow, suspicion, reasons, data", "at DESC, id DESC"),
    newest("lead_activity", "at, type, body", "at DESC"),
  ]);
  return {
    lead: leadOf(row),
    submissions: (submissions?.results ?? []).map(submissionOf),
    activity: (activity?.results ?? []).map(({ at, type, body }) => ({ at, type, body: JSON.parse(body) as unknown })),
  };
}

type SubmissionRow = Omit<SubmissionView, "reasons" | "submission"> & { reasons: string; data: string };

function submissionOf({ reasons, data, ...row }: SubmissionRow): SubmissionView {
  return { ...row, reasons: JSON.parse(reasons) as string[], submission: JSON.parse(data) as Submission };
}

async function nextRows(db: D1Database, tenant: string, filter: LeadFilter, below: Position, size: number): Promise<LeadRow[]> {
  const project = filter.project === undefined ? "" : "AND l.project = ?7";
  const sql = `
    SELECT ${leadColumns} FROM leads l ${filter.bot ? "INDEXED BY leads_robots_by_time" : ""}
    WHERE l.tenant = ?1 ${project} ${filter.bot ? "AND l.kind = 'bot'" : ""} AND l.created >= ?2 AND l.created < ?3 AND (l.created, l.id) < (?4, ?5)
    ORDER BY l.created DESC, l.id DESC LIMIT ?6`;
  const values = [
    tenant,
    filter.from ?? 0,
    filter.to ?? Number.MAX_SAFE_INTEGER,
    below.created,
    below.id,
    size,
    ...(filter.project === undefined ? [] : [filter.project]),
  ];
  return (await statement(db, sql, ...values).all<LeadRow>()).results;
}

/** Looks up an address, number or visitor id by its key. */
async function byIdentity(db: D1Database, tenant: string, q: string): Promise<Lead[]> {
  const digits = q.replaceAll(/[^\d+]/g, "");
  const numbers = new Set([digits, readPhone(q, []).key ?? ""].filter((each) => each.length >= 5));
  const email = readEmail(q);
  const keys = [`v:${q}`, ...(email ? [`e:${email.key}`] : []), ...[...numbers].map((each) => `p:${each}`)];
  const sql = `
    SELECT ${leadColumns} FROM leads l WHERE l.tenant = ?1 AND l.id IN (
      SELECT ?3 UNION SELECT lead FROM lead_submissions WHERE tenant = ?1 AND id = ?3
      UNION SELECT i.lead FROM json_each(?2) k CROSS JOIN lead_identities i ON i.tenant = ?1 AND i.key = k.value)
    ORDER BY l.created DESC, l.id DESC LIMIT 200`;
  return (await db.prepare(sql).bind(tenant, JSON.stringify(keys), q).all<LeadRow>()).results.map(leadOf);
}

function matchesFilter(lead: Lead, { project, from = 0, to = Infinity, bot = lead.kind === "bot" }: LeadFilter): boolean {
  if (bot !== (lead.kind === "bot")) return false;
  return (project === undefined || lead.project === project) && lead.created >= from && lead.created < to;
}

function matchesText(lead: Lead, q: string, holds: (text: string | null | undefined) => boolean): boolean {
  // A national number: without the plus and the leading zero.
  const digits = /^[\d\s()/.+-]{5,}$/.test(q) ? q.replaceAll(/\D/g, "").replace(/^0+/, "") : "";
  if (digits.length >= 5 && lead.phone?.endsWith(digits)) return true;
  return [lead.name, lead.email, lead.phone, lead.visitorId, lead.id, lead.crmId].some(holds);
}

interface Position {
  created: number;
  id: string;
}

function cursorOf(lead: Lead | undefined): string | null {
  return lead ? `${lead.created}.${lead.id}` : null;
}

/** An invalid cursor begins at the newest. */
function positionOf(cursor: string | undefined): Position {
  const [, created, id] = /^(\d{1,16})\.([a-z0-9]{1,64})$/.exec(cursor ?? "") ?? [];
  return created === undefined || id === undefined ? { created: Number.MAX_SAFE_INTEGER, id: "" } : { created: Number(created), id };
}
