import { statement } from "../../d1";
import type { Lead } from "./store";
import type { SubmissionView } from "./queries";
import { isTest } from "./enrich";
import type { Project } from "../../tenants/project-schema";
import { honeypotFilled, suspicionFrom } from "./score";
import type { SubmissionInput } from "./model";

/** Submissions of one release. */
export const maxReleased = 100;

/** A robot's submission as a person's of the same time: without the honeypot, and marked as a test by the project's rules. Project null: it was removed. */
export function submissionReleased({ submission }: SubmissionView, project: Project | null, at: number): SubmissionInput {
  const { name, firstName, lastName, email } = submission.contact;
  const { projectName, location } = submission.form;
  const reasons = submission.reasons.filter((reason) => reason !== honeypotFilled);
  const test = project !== null && isTest(project, [name, firstName, lastName, email, projectName, location], submission.request.ip);
  return { ...submission, kind: test ? "test" : "lead", at, reasons, suspicion: suspicionFrom(reasons) };
}

/** Deletes a robot's submissions, and the robot itself unless a further submission came meanwhile. */
export async function removeReleased(db: D1Database, tenant: string, lead: Lead["id"], submissions: readonly string[]): Promise<void> {
  const robot = "EXISTS (SELECT 1 FROM leads WHERE tenant = ?1 AND id = ?2 AND kind = 'bot')";
  const empty = "NOT EXISTS (SELECT 1 FROM lead_submissions WHERE tenant = ?1 AND lead = ?2)";
  const emptied = (table: string, column: string) =>
    db.prepare(`DELETE FROM ${table} WHERE tenant = ?1 AND ${column} = ?2 AND ${robot} AND ${empty}`).bind(tenant, lead);
  const submissionsSql = `DELETE FROM lead_submissions WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?3)) AND lead = ?2 AND ${robot}`;
  await db.batch([
    statement(db, submissionsSql, tenant, lead, JSON.stringify(submissions)),
    emptied("lead_activity", "lead"),
    emptied("lead_identities", "lead"),
    emptied("leads", "id"),
  ]);
}
