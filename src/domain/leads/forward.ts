import { sourceName } from "./point";
import type { Stored } from "./store";
import type { Submission } from "./submission";

/** What a hook of Make.com is sent: names and values as its scenarios expect them. */
export type MakeBody = Record<string, string | number | boolean | readonly string[] | Record<string, string> | null>;

interface Sent {
  tenant: string;
  /** Of the submission. */
  id: string;
  at: number;
  submission: Submission;
  stored: Stored;
  /** A developer's machine. */
  local: boolean;
}

/** One flat object by category: contact, project, geography, scoring, fraud, identity, context, status. */
export function makeBody({ tenant, id, at, submission, stored, local }: Sent): MakeBody {
  const { contact, form, request, engagement } = submission;
  const vpn = submission.vpnScore ?? 0;
  return {
    // Make.com knows no idempotency: a scenario tells a repeat by these.
    submission_id: id,
    lead_id: stored.lead.id,
    tenant,
    submitted_at: new Date(at).toISOString(),
    first_name: contact.firstName ?? contact.name ?? null,
    last_name: contact.lastName ?? null,
    phone_mobile: contact.phone ?? null,
    email: contact.email ?? null,
    email1: contact.email ?? null,
    country_code: form.countryCode ?? null,
    project: submission.project,
    project_name: form.projectName ?? submission.project,
    user_location: form.location ?? null,
    lead_source: form.source ?? null,
    source_team: form.team ?? null,
    source_domain: form.domain ?? null,
    user_message: form.message ?? null,
    user_country: request.country ?? null,
    user_city: request.city ?? null,
    user_timezone: request.timezone ?? null,
    user_region: request.region ?? null,
    engagement_score: submission.score,
    engagement_label: submission.label,
    session_duration_seconds: engagement.duration ?? 0,
    pages_visited: engagement.pagesVisited ?? 0,
    return_visits: engagement.returnVisits ?? 0,
    suspicion_score: stored.suspicion,
    suspicion_reasons: stored.reasons,
    time_to_submit: submission.secondsToSubmit ?? null,
    form_submit_count: stored.earlier + 1,
    visitor_id: contact.visitorId ?? null,
    session_id: contact.sessionId ?? null,
    vpn_suspected: vpn > 20,
    related_projects: stored.related,
    refered_by: request.referer ?? null,
    page_url: form.page ?? null,
    searched_keyword: form.keyword ?? null,
    user_agent: request.userAgent ?? null,
    user_ip: request.ip ?? null,
    is_duplicate: stored.follow !== "new",
    is_bot_lead: submission.kind === "bot",
    test_lead: submission.kind === "test" ? "yes" : "no",
    dev_environment: local,
    extra: submission.extra,
  };
}

/** The data of `lead.created` and `lead.updated`: the lead as it stands, so that events in any order end in its newest state. */
export function eventData({ stored, at, id }: Pick<Sent, "stored" | "at" | "id">): Record<string, unknown> {
  const { lead, newest } = stored;
  const { contact, form, request } = newest;
  return {
    id: lead.id,
    submissionId: id,
    project: lead.project,
    email: lead.email,
    phone: lead.phone,
    name: lead.name,
    firstName: contact.firstName,
    lastName: contact.lastName,
    visitorId: lead.visitorId,
    message: form.message,
    // Events are counted by it, where nothing of the person may stand.
    source: sourceName(form.source),
    location: form.location,
    city: request.city,
    region: request.region,
    country: request.country,
    score: lead.score,
    label: lead.label,
    suspicion: lead.suspicion,
    test: lead.kind === "test",
    submissions: lead.submissions,
    returning: stored.follow === "again",
    submittedAt: new Date(at).toISOString(),
    updatedAt: new Date(lead.updated).toISOString(),
  };
}
