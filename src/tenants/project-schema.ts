import { withCommas } from "../decimal";
import * as v from "valibot";
import { boundedList, boundedText, formerName } from "../bounded";
import { isTimezone } from "../time/zone";
import { sharedSecret } from "./shared-secret";

/** A web address's host, with a port or a leading `*.` for all its subdomains: `example.com`, `*.example.com`, `localhost:8787`. */
const hostPattern = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$/;

const domain = v.pipe(
  boundedText(260, { trim: true }),
  v.toLowerCase(),
  v.transform(toAscii),
  boundedText(260, { pattern: hostPattern, rule: "must be a domain such as example.com, *.example.com or localhost:8787, without scheme and path" }),
);

const ip = v.pipe(
  boundedText(64, { trim: true, rule: "must be an IP address" }),
  v.toLowerCase(),
  v.transform(toCanonicalIp),
  boundedText(64, { pattern: /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]{1,44})$/, rule: "must be an IP address" }),
);
const clockTime = boundedText(5, { pattern: /^(?:[01]\d|2[0-3]):[0-5]\d$/, rule: "must be a time such as 09:00" });
const whole = (min: number, max: number, unit: string) => {
  const rule = `must be whole ${unit} from ${min} to ${withCommas(max)}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(min, rule), v.maxValue(max, rule));
};

const businessHours = v.strictObject({
  from: v.optional(clockTime, "09:00"),
  to: v.optional(clockTime, "18:00"),
  /** 1 is Monday. */
  days: v.optional(boundedList(whole(1, 7, "numbers"), 7, { min: 1, rule: "must name 1 to 7 days" })),
});

const timezone = v.pipe(boundedText(64), v.check(isTimezone, "must be an IANA time zone such as Europe/Prague"), v.description("Default: UTC"));

const silence = v.strictObject({
  minutes: v.optional(whole(1, 43_200, "minutes"), 30),
  cooldownMinutes: v.optional(whole(1, 43_200, "minutes"), 120),
  /** `true` is 09:00 to 18:00 on every day. */
  businessHours: v.optional(v.union([v.boolean(), businessHours], "must be true, false or {from, to, days}")),
  timezone: v.optional(timezone),
  zone: v.optional(formerName("timezone", timezone)),
});

/** The body of `PUT /v1/projects/{project}`. An omitted field gets its default. Keys and ids stay. */
export const projectSchema = v.strictObject({
  name: v.optional(boundedText(200, { min: 1, trim: true })),
  /** Hosts of its forms: a browser may post from these hosts only, and is redirected to these hosts only. */
  domains: boundedList(domain, 100, { rule: "must be a list of at most 100 domains" }),
  thankYouUrl: v.optional(v.pipe(boundedText(2048), v.check(isWebAddress, "must be a web address"))),
  /** Country of telephone numbers without a country code. */
  country: v.optional(v.pipe(boundedText(2, { trim: true, pattern: /^[A-Za-z]{2}$/, rule: "must be a country's two letters, as DE" }), v.toUpperCase())),
  /** `false`: leads are stored and not forwarded. */
  forward: v.optional(v.boolean("must be true or false"), true),
  ackAfter: v.optional(v.picklist(["store", "forward"], "must be store or forward"), "store"),
  /** A returning person is forwarded again after this many hours. */
  reengageHours: v.optional(v.pipe(v.number("must be hours"), v.minValue(0, "must be at least 0"), v.maxValue(8760, "must be at most 8760")), 24),
  /** A name, e-mail address, project or location that contains one of these is a test. */
  testStrings: v.optional(boundedList(boundedText(100, { min: 2, trim: true }), 100), []),
  testIps: v.optional(boundedList(ip, 1000), []),
  /** Posts from these addresses get the same answer as others, and leave an audit row only. */
  blockedIps: v.optional(boundedList(ip, 1000), []),
  /** Domains of e-mail addresses that make a lead suspicious. */
  competitors: v.optional(boundedList(domain, 200), []),
  /** Domains of disposable addresses besides the public list, and exceptions to that list. */
  disposable: v.optional(
    v.strictObject({
      add: v.optional(boundedList(domain, 1000), []),
      except: v.optional(boundedList(domain, 1000), []),
    }),
    { add: [], except: [] },
  ),
  turnstileSecret: v.optional(boundedText(256, { pattern: /^[\x21-\x7e]{1,256}$/, rule: "must be 1 to 256 visible characters" })),
  /** The secret of CRM callbacks; default: the secret of the connection `make`. */
  crmSecret: v.optional(sharedSecret),
  silence: v.optional(silence),
});

export type ProjectSettings = v.InferOutput<typeof projectSchema>;
export type Silence = v.InferOutput<typeof silence>;

/** A project with its secrets sealed. */
export interface Project extends Omit<ProjectSettings, "turnstileSecret" | "crmSecret"> {
  siteKey: string;
  formId: string;
  /** SHA-256 of the API key, base64url. */
  apiKeyHash: string;
  /** Sealed, as the vault keeps them. */
  turnstile?: string | undefined;
  crm?: string | undefined;
}

/** Whether a web address belongs to one of a project's domains: the same host, with or without `www.`, on any port unless the domain names one. */
export function ownsUrl(domains: readonly string[], address: string): boolean {
  const url = URL.parse(address);
  if (!url || !["https:", "http:"].includes(url.protocol) || url.username !== "" || url.password !== "") return false;
  return domains.some((domain) => domainMatches(domain, url));
}

function domainMatches(domain: string, url: URL): boolean {
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(domain) ?? [];
  const host = url.hostname.replace(/\.$/, "");
  if (port !== undefined && port !== (url.port || (url.protocol === "https:" ? "443" : "80"))) return false;
  if (name.startsWith("*.")) return host.endsWith(name.slice(1)) && host.length > name.length - 1;
  return withoutWww(host) === withoutWww(name);
}

function withoutWww(host: string): string {
  return host.replace(/^www\./, "");
}

/** An internationalised name in ASCII; anything else unchanged. */
function toAscii(text: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is exactly this range
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const wild = text.startsWith("*.") ? "*." : "";
  return wild + (URL.parse(`https://${text.slice(wild.length)}`)?.host ?? text);
}

/** An IP address in its canonical form, `2001:db8::1`; empty when it is none. */
function toCanonicalIp(text: string): string {
  const isSix = text.includes(":");
  const host = URL.parse(`http://${isSix ? `[${text}]` : text}`)?.hostname.replaceAll(/[[\]]/g, "") ?? "";
  return isSix || host === text ? host : "";
}

/** Whether an IP address is on a list, in any spelling. */
export function isListed(ips: readonly string[], ip: string | undefined): boolean {
  return ip !== undefined && ips.includes(canonicalIp(ip));
}

/** The canonical form as in lists; anything else unchanged. */
export function canonicalIp(ip: string): string {
  const text = ip.trim().toLowerCase();
  return toCanonicalIp(text) || text;
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ["https:", "http:"].includes(url.protocol) && url.username === "" && url.password === "";
}
