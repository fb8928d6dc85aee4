import { visible } from "./visible";

/** Names of form fields and their aliases. Any case, with or without `_`, `-` and the script's prefix `__pg_`. */
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
  /** Unknown fields, under the form's names. */
  extra: Record<string, string>;
  /** Fields that exceeded the bounds. */
  dropped: number;
}

const byAlias = new Map<string, FieldName>(Object.entries(aliases).flatMap(([name, all]) => all.map((alias) => [alias, name as FieldName] as const)));

const maxExtra = 50;
const maxExtraName = 64;
const maxExtraValue = 2000;

/** Sorts the fields of a form. The first value with content counts; further values of an unknown field are joined. */
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

/** Our name of a field in any spelling. */
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

/** The fields that a person typed, without those that the script adds: time, behaviour and the tracker's fields, known or not. */
export function typedIn({ fields, extra }: Pick<FormFields, "fields" | "extra">): (readonly [name: string, value: string])[] {
  // The script sends the visitor id. Where no other field differs, only the visitor id separates two people.
  const names = fields.email === undefined && fields.phone === undefined ? [...typed, "visitorId" as const] : typed;
  const named = names.flatMap((name) => (fields[name] === undefined ? [] : [[`field ${name}`, fields[name]] as const]));
  return [...named, ...Object.entries(extra).filter(([name]) => !/^(?:__|_pg)/i.test(name))];
}

function keep(extra: Map<string, string>, given: string, value: string): boolean {
  const name = cleaned(given).slice(0, maxExtraName).toWellFormed();
  const before = extra.get(name);
  // A payload may not contain the name `__proto__`.
  if (name === "" || name === "__proto__" || (before === undefined && extra.size >= maxExtra)) return false;
  extra.set(name, (before === undefined ? value : `${before}, ${value}`).slice(0, maxExtraValue).toWellFormed());
  return true;
}

/** Control characters without tab and line breaks. */
// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Without invisible characters and lone surrogates. */
function cleaned(text: string): string {
  return text.replace(unseen, "").trim().toWellFormed();
}
