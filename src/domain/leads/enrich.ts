import { withCommas } from "../../decimal";
import { finder } from "../../fold";
import type { Issue } from "../../errors";
import { isDisposable, readEmail, withParents } from "./email";
import type { FieldName, FormFields } from "./fields";
import { readPhone } from "./phone";
import { isListed, type Project } from "../../tenants/project-schema";
import { engagementScore, labelOf, suspicionOf, type Engagement } from "./score";
import type { LeadKind, SubmissionInput } from "./model";

/** Data of a request besides its body. `unverified`: the captcha could not be verified. */
export type RequestFacts = NonNullable<SubmissionInput["request"]> & { id: string; unverified?: boolean };

type Enriched = { ok: true; submission: SubmissionInput } | { ok: false; issues: Issue[] };

type Fields = FormFields["fields"];

/** For projects from before there were rules. */
const noRules = { add: [], except: [] };

const maxLengths: Partial<Record<FieldName, number>> = {
  name: 200,
  firstName: 100,
  lastName: 100,
  email: 254,
  phone: 64,
  visitorId: 200,
  sessionId: 200,
  projectName: 200,
  location: 200,
  team: 200,
  domain: 260,
  source: 100,
  countryCode: 64,
  keyword: 500,
  message: 10_000,
};

/** A submission made of the form's fields and the request's headers, or its issues by field. No I/O. */
export async function enrich(name: string, project: Project, form: FormFields, facts: RequestFacts): Promise<Enriched> {
  const { fields } = form;
  const email = fields.email === undefined ? undefined : readEmail(fields.email);
  const issues = issuesOf(fields, email !== undefined);
  if (issues.length > 0) return { ok: false, issues };
  const phone = fields.phone === undefined ? undefined : readPhone(fields.phone, [fields.countryCode, project.country, facts.country]);
  const engagement = engagementOf(fields);
  const tracked = Object.values(engagement).some((each) => each !== undefined) || fields.sessionId !== undefined;
  const score = engagementScore(engagement);
  const honeypot = fields.honeypot !== undefined;
  const secondsToSubmit = numberOf(fields.secondsToSubmit);
  const vpnScore = numberOf(fields.vpnScore);
  const judged = suspicionOf({
    honeypot,
    secondsToSubmit,
    tracked,
    score,
    vpnScore,
    competitor: email !== undefined && withParents(email.domain).some((each) => project.competitors.includes(each)),
    disposable: email !== undefined && (await isDisposable(email.domain, project.disposable ?? noRules)),
    badPhone: phone?.valid === false,
    unverified: facts.unverified ?? false,
  });
  const contact = {
    ...personNames(fields),
    ...(email ? { email: email.address, emailKey: email.key } : {}),
    ...(phone ? { phone: phone.number, ...(phone.key === undefined ? {} : { phoneKey: phone.key }) } : {}),
    ...pick(fields, ["visitorId", "sessionId"]),
  };
  const submission: SubmissionInput = {
    project: name,
    kind: leadKind(project, fields, facts, honeypot),
    contact,
    form: { ...pick(fields, ["projectName", "location", "team", "domain", "source", "countryCode", "keyword", "message"]), ...page(fields) },
    request: requestFields(facts),
    engagement,
    ...(secondsToSubmit === undefined ? {} : { secondsToSubmit }),
    ...(vpnScore === undefined ? {} : { vpnScore }),
    score,
    label: labelOf(score),
    suspicion: judged.suspicion,
    reasons: judged.reasons,
    extra: form.extra,
  };
  return { ok: true, submission };
}

function issuesOf(fields: Fields, emailFits: boolean): Issue[] {
  const long = Object.entries(maxLengths).filter(([name, max]) => (fields[name as FieldName]?.length ?? 0) > max);
  const issues = long.map(([path, max]) => ({ path, message: `must have at most ${withCommas(max)} characters` }));
  const { email, phone, visitorId } = fields;
  if (email !== undefined && !emailFits && !long.some(([name]) => name === "email"))
    issues.push({ path: "email", message: "must be an e-mail address, as ada@example.com" });
  if (email === undefined && phone === undefined && visitorId === undefined)
    issues.push({ path: "email", message: "is missing: one of email, phone and __visitor_id is needed" });
  return issues;
}

function leadKind(project: Project, fields: Fields, { ip }: RequestFacts, honeypot: boolean): LeadKind {
  if (honeypot) return "bot";
  const { name, firstName, lastName, email, projectName, location } = fields;
  return isTest(project, [name, firstName, lastName, email, projectName, location], ip) ? "test" : "lead";
}

/** Whether one of the texts contains a test string of the project, or the address is a tester's. */
export function isTest(
  { testStrings, testIps }: Pick<Project, "testStrings" | "testIps">,
  texts: readonly (string | undefined)[],
  ip: string | undefined,
): boolean {
  return testStrings.map(finder).some((holds) => texts.some(holds)) || isListed(testIps, ip);
}

function personNames({ name, firstName, lastName }: Fields): { name?: string; firstName?: string; lastName?: string } {
  const whole = name ?? ([firstName, lastName].filter((each) => each !== undefined).join(" ") || undefined);
  return {
    ...(whole === undefined ? {} : { name: whole }),
    ...(firstName === undefined ? {} : { firstName }),
    ...(lastName === undefined ? {} : { lastName }),
  };
}

function engagementOf(fields: Fields): Engagement {
  const all = (["duration", "scroll", "clicks", "returnVisits", "pagesVisited"] as const).map((name) => [name, numberOf(fields[name])] as const);
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

function requestFields(facts: RequestFacts): NonNullable<SubmissionInput["request"]> {
  const limits = { id: 64, ip: 64, userAgent: 1000, referer: 2048, country: 8, city: 200, region: 200, timezone: 64 } as const;
  const kept = Object.entries(limits).flatMap(([name, length]) => {
    const value = facts[name as keyof typeof limits]?.slice(0, length).toWellFormed();
    return value ? [[name, value] as const] : [];
  });
  return { ...Object.fromEntries(kept), ...(facts.sender === undefined ? {} : { sender: facts.sender }) };
}

function page({ page: given }: Fields): { page?: string } {
  return given === undefined ? {} : { page: given.slice(0, 2048).toWellFormed() };
}

function pick<Name extends FieldName>(fields: Fields, names: readonly Name[]): Partial<Record<Name, string>> {
  return Object.fromEntries(names.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]]))) as Partial<Record<Name, string>>;
}

/** A number from the form's script; undefined for anything else. */
function numberOf(text: string | undefined): number | undefined {
  const value = text !== undefined && /^\d{1,9}(?:\.\d{1,9})?%?$/.test(text) ? Number.parseFloat(text) : undefined;
  return value;
}
