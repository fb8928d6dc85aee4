import { visible } from "./visible";

/** What forms call their fields, brought to one name each. Any case, with or without `_`, `-` and the script's `__pg_`. */
const aliases = {
  firstName: ["firstname", "fname", "givenname", "vorname"],
  lastName: ["lastname", "lname", "surname", "familyname"],
  name: ["name", "fullname", "contactname"],
  email: ["email", "emailaddress", "mail", "email1"],
  phone: ["phone", "phonenumber", "phonemobile", "mobile", "mobilephone", "tel", "telephone"],
  projectName: ["project", "projectname"],
  location: ["location", "userlocation", "city"],
  team: ["team", "sourceteam"],
  domain: ["domain", "sourcedomain", "site"],
  source: ["source", "leadsource"],
  countryCode: ["countrycode", "dialcode", "country"],
  keyword: ["keyword", "searchedkeyword", "utmterm"],
  message: ["usermessage", "message", "comment", "comments", "notes"],
  page: ["page", "pageurl", "landingpage", "url"],
  visitorId: ["visitorid", "pgvid", "vid", "pgvisitorid"],
  sessionId: ["sessionid", "pgsid", "pgsessionid"],
  secondsToSubmit: ["pgtts", "tts", "timetosubmit"],
  honeypot: ["pghp", "pgwebsite", "honeypot"],
  duration: ["pgduration", "sessiondurationseconds", "sessionduration", "pgdur"],
  scroll: ["pgscroll", "scrolldepth", "pgscrolldepth", "maxscroll"],
  clicks: ["pgclicks", "clicks", "clickcount"],
  returnVisits: ["pgreturnvisits", "returnvisits", "pgvisits"],
  pagesVisited: ["pgpages", "pagesvisited", "pgpagesvisited"],
  vpnScore: ["pgvpn", "vpnscore"],
  siteKey: ["sitekey", "pgsitekey"],
  formId: ["formid", "pgformid"],
  nonce: ["nonce", "pgnonce", "formnonce", "submissionid", "pgsubmissionid"],
  turnstile: ["cfturnstileresponse", "turnstiletoken", "turnstile"],
  thankYouUrl: ["pgredirect", "redirect", "redirecturl", "thankyouurl", "returl"],
} as const satisfies Record<string, readonly string[]>;

export type FieldName = keyof typeof aliases;

export interface FormFields {
  fields: Partial<Record<FieldName, string>>;
  /** What has no name here, under its own. */
  extra: Record<string, string>;
  /** Fields beyond what is kept. */
  dropped: number;
}

const byAlias = new Map<string, FieldName>(Object.entries(aliases).flatMap(([name, all]) => all.map((alias) => [alias, name as FieldName] as const)));

const maxExtra = 50;
const maxExtraName = 64;
const maxExtraValue = 2000;

/** Sorts what a form sent. The first value that says something counts; further ones of an unknown field are joined. */
export function sortFields(pairs: readonly (readonly [name: string, value: string])[]): FormFields {
  const fields: Partial<Record<FieldName, string>> = {};
  const extra = new Map<string, string>();
  let dropped = 0;
  for (const [given, raw] of pairs) {
    const name = fieldNameOf(given);
    const value = name === "email" || name === "phone" ? visible(cleaned(raw)) : cleaned(raw);
    if (value === "") continue;
    if (name) fields[name] ??= value;
    else if (!keep(extra, given, value)) dropped++;
  }
  return { fields, extra: Object.fromEntries(extra), dropped };
}

/** The name by which a field of any spelling goes here. */
export function fieldNameOf(given: string): FieldName | undefined {
  return byAlias.get(given.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

const typed: readonly FieldName[] = [
  "name",
  "firstName",
  "lastName",
  "email",
  "phone",
  "projectName",
  "location",
  "team",
  "domain",
  "source",
  "countryCode",
  "keyword",
  "message",
];

/** What the form says, without what its script adds: time, behaviour, and every field of the tracker's own, known or not. */
export function typedIn({ fields, extra }: Pick<FormFields, "fields" | "extra">): (readonly [name: string, value: string])[] {
  // The script names the visitor; where no other field differs, only the visitor separates two people.
  const names = fields.email === undefined && fields.phone === undefined ? [...typed, "visitorId" as const] : typed;
  const known = names.flatMap((name) => (fields[name] === undefined ? [] : [[`field ${name}`, fields[name]] as const]));
  return [...known, ...Object.entries(extra).filter(([name]) => !/^(?:__|_pg)/i.test(name))];
}

function keep(extra: Map<string, string>, given: string, value: string): boolean {
  const name = cleaned(given).slice(0, maxExtraName).toWellFormed();
  const before = extra.get(name);
  // No job may hold this one name.
  if (name === "" || name === "__proto__" || (before === undefined && extra.size >= maxExtra)) return false;
  extra.set(name, (before === undefined ? value : `${before}, ${value}`).slice(0, maxExtraValue).toWellFormed());
  return true;
}

/** Everything that controls a terminal, save for tab and line breaks. */
// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Without what cannot be seen, and without half a surrogate pair. */
function cleaned(text: string): string {
  return text.replace(unseen, "").trim().toWellFormed();
}
