import { sourceName } from "./analytics-point";
import type { Submission } from "./model";
import type { Stored, StoreRequest } from "./store";

/** The body of a call to Make.com: names and values as scenarios expect them. */
type MakeBody = Record<string, string | number | boolean | readonly string[] | Record<string, string> | null>;

interface Sent extends Omit<StoreRequest, "reengageHours"> {
  stored: Stored;
  /** The project's name in the tenant's settings. */
  projectName?: string | undefined;
  /** Whether this is a local start. */
  local: boolean;
}

/**
 * A flat object by category: contact, project, geography, scoring, fraud, identity, context, status. Personal fields that the submission lacks come from
 * the lead.
 */
export function makeComPayload({ tenant, id, at, submission, stored, projectName, local }: Sent): MakeBody {
  const { contact, form, request, engagement } = submission;
  const { lead } = stored;
  const email = contact.email ?? lead.email;
  const vpn = submission.vpnScore ?? 0;
  return {
    // Make.com has no idempotency keys: a scenario recognises a repeat by these ids.
    submission_id: id,
    lead_id: lead.id,
    tenant,
    submitted_at: new Date(at).toISOString(),
    ...personName(contact, lead.name),
    phone_mobile: contact.phone ?? lead.phone,
    email,
    email1: email,
    country_code: form.countryCode ?? null,
    project: submission.project,
    project_name: form.projectName ?? projectName ?? submission.project,
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
    visitor_id: contact.visitorId ?? lead.visitorId,
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

/** First and last name as typed; of a full name, its first word and the rest. */
function personName({ name, firstName, lastName }: Submission["contact"], known: string | null): { first_name: string | null; last_name: string | null } {
  if (firstName !== undefined) return { first_name: firstName, last_name: lastName ?? null };
  const whole = (name ?? known ?? "").trim();
  if (lastName === undefined) {
    const [first = "", ...rest] = whole.split(/\s+/);
    return { first_name: first || null, last_name: rest.join(" ") || null };
  }
  return { first_name: (whole.endsWith(lastName) ? whole.slice(0, -lastName.length) : whole).trim() || null, last_name: lastName };
}

/** The data of `lead.created` and `lead.updated`: the whole lead, so that events in any order result in its newest state. */
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
    // Counters use the source, so it must contain no personal data.
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
