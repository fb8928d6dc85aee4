import * as v from "valibot";
import { sha256Hex } from "../../crypto";
import { boundedText } from "../../bounded";

const id = v.pipe(
  v.union([boundedText(200, { min: 1, trim: true }), v.pipe(v.number(), v.integer("must be a whole number"))], "must be an id of at most 200 characters"),
  v.transform(String),
);

/** A report of a CRM, or of Make.com: the CRM's id of one of our leads, or a change of a lead in the CRM. Further fields are kept. */
export const crmReportSchema = v.looseObject({
  crm_lead_id: id,
  /** Our id of the lead or of one of its submissions, when the CRM has just created its record. */
  lead_id: v.optional(id),
  submission_id: v.optional(id),
  event_type: v.optional(boundedText(64, { pattern: /^[A-Za-z0-9._-]{1,64}$/, rule: "must be 1 to 64 letters, digits and . _ -" }), "updated"),
});

export type CrmReport = v.InferOutput<typeof crmReportSchema>;

const find = `
  SELECT l.id FROM leads l WHERE l.tenant = ?1 AND l.project = ?2 AND l.id = coalesce(
    (SELECT id FROM leads WHERE tenant = ?1 AND id = ?3), (SELECT lead FROM lead_submissions WHERE tenant = ?1 AND id = ?3),
    (SELECT lead FROM lead_submissions WHERE tenant = ?1 AND id = ?4),
    (SELECT id FROM leads WHERE tenant = ?1 AND crm_id = ?5 AND project = ?2 ORDER BY created DESC LIMIT 1),
    (SELECT lead FROM lead_submissions WHERE tenant = ?1 AND crm_id = ?5 AND project = ?2 ORDER BY at DESC LIMIT 1),
    (SELECT a.lead FROM lead_activity a JOIN leads o ON o.tenant = a.tenant AND o.id = a.lead AND o.project = ?2
      WHERE a.tenant = ?1 AND a.body ->> '$.crm_lead_id' = ?5 ORDER BY a.at DESC LIMIT 1))`;

/**
 * A lead that was forwarded again has several CRM records, and later reports may name the older one. Of two for one submission, the activity keeps the
 * other.
 */
const noteOnSubmission = `
  UPDATE lead_submissions SET crm_id = ?3 WHERE tenant = ?1 AND crm_id IS NOT ?3 AND id = coalesce(
    (SELECT id FROM lead_submissions WHERE tenant = ?1 AND id = ?4 AND lead = ?2), (SELECT newest FROM leads WHERE tenant = ?1 AND id = ?2))`;

const maxReports = 200;
const dropOldest = `
  DELETE FROM lead_activity WHERE tenant = ?1 AND lead = ?2
    AND (at, id) <= (SELECT at, id FROM lead_activity WHERE tenant = ?1 AND lead = ?2 ORDER BY at DESC, id DESC LIMIT 1 OFFSET ${maxReports})`;

/** Records the report; the newest 200 of a lead are kept. A repeat at the same time is stored once. Null: no lead of the project matches. */
export async function storeCrmReport(db: D1Database, tenant: string, project: string, report: CrmReport, now: number): Promise<string | null> {
  const { crm_lead_id: crmId, lead_id: lead = "", submission_id: submission = "", event_type: type } = report;
  const row = await db.prepare(find).bind(tenant, project, lead, submission, crmId).first<{ id: string }>();
  if (!row) return null;
  const body = JSON.stringify(report);
  const insert = "INSERT INTO lead_activity (tenant, lead, at, id, type, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
  const ours = lead !== "" || submission !== "";
  const ties = [
    db.prepare("UPDATE leads SET crm_id = ?3 WHERE tenant = ?1 AND id = ?2 AND crm_id IS NOT ?3").bind(tenant, row.id, crmId),
    db.prepare(noteOnSubmission).bind(tenant, row.id, crmId, submission),
  ];
  await db.batch([
    ...(ours ? ties : []),
    db.prepare(insert).bind(tenant, row.id, now, await sha256Hex(body, 24), type, body),
    db.prepare(dropOldest).bind(tenant, row.id),
  ]);
  return row.id;
}
