import type { Failure } from "../../queue/effect";
import type { HttpAnswer } from "../http";
import { quoted } from "../../masking/provider-text";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import type { ShopAnswer, ShopError } from "./answer";
import type { ShopFailureCode } from "./shop";

export const userAgent = "Jobyard/1.0 (PrestaShop webservice client)";

/** The request that the reason names. */
interface RequestedList {
  /** "" for the webservice itself. */
  resource: string;
  key: string;
  now: number;
}

/** Why an answer is no list: PrestaShop's error where there is one, else the program in front of the shop. */
export function shopRefusal(answer: HttpAnswer, read: ShopAnswer, requested: RequestedList): Failure {
  if (answer.status >= 300 && answer.status < 400) return redirected(answer, requested);
  const [error] = read.kind === "rows" ? read.errors.toSorted((a, b) => rank(a) - rank(b)) : [];
  const failure = (error && ofShop(error, requested)) ?? inFront(answer, read, requested);
  return { ...failure, ...waitOf(failure, answer, requested) };
}

/** The failure of a shop that could not be reached, or of an incomplete answer. `ended`: our own signal stopped the call. */
export function unreachableShop(failure: Failure, ended: boolean): Failure {
  if (failure.class === "config") return { ...failure, code: failure.code ?? "address", reason: `the site's settings: ${failure.reason}` };
  if (failure.class === "permanent") return { ...failure, code: failure.code ?? "too-large", reason: `the shop: ${failure.reason}` };
  // Only the runtime's own log distinguishes a refused certificate from a lost connection.
  const advice = ended ? "" : "; if it stays so, check the address, and that the shop's certificate is valid (not self-signed)";
  return { ...failure, class: "transient", code: failure.code ?? "no-answer", reason: `the shop: ${failure.reason}${advice}` };
}

const where = "Advanced Parameters > Webservice";
const certificate = "the shop's certificate is not trusted (self-signed, expired or for another name): install a valid one";

/** The most specific of several errors counts: "unknown key" before "so it has no permission". */
function rank({ code }: ShopError): number {
  return code === null ? 1000 : code === 21 ? 900 : code >= 2 && code <= 15 ? 800 : code;
}

function ofShop({ code, message }: ShopError, { resource, key }: RequestedList): Failure | undefined {
  if (code === null) return undefined;
  const quote = quoted(message, [key]);
  const rule = reasons.find(({ codes }) => codes.includes(code));
  if (rule) return { class: rule.class, code: String(code), reason: rule.reason(resource, code), ...quote };
  return { class: "permanent", code: String(code), reason: `the shop refused the request for ${resource} with error ${code}`, ...quote };
}

interface Known {
  codes: readonly number[];
  class: Failure["class"];
  reason(resource: string, code: number): string;
}

/** Codes of classes/webservice/WebserviceRequest.php, the same from 1.7 to 9. Any other code is a refused request, a defect of this code. */
const reasons: readonly Known[] = [
  { codes: [16, 17], class: "config", reason: () => noKey },
  { codes: [18], class: "config", reason: () => `the shop says the key does not have 32 characters: copy it again from ${where}` },
  { codes: [20], class: "config", reason: () => `the shop does not know the key, or it is switched off: check it in ${where}` },
  { codes: [21], class: "config", reason: () => `the key has no permission at all: tick GET for the resources it needs in ${where}` },
  { codes: [25, 26], class: "config", reason: (resource) => `key lacks GET on ${resource}: tick it for this key in ${where}` },
  { codes: [132], class: "config", reason: () => `the key is not allowed on this shop of the multistore: tick the shop for this key in ${where}` },
  { codes: [22], class: "config", reason: () => `the webservice is switched off: enable it in ${where}` },
  { codes: [126], class: "config", reason: () => `the key's class does not exist in the shop: make a new key in ${where}` },
  // Rows beside this error are no complete page.
  {
    codes: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    class: "transient",
    reason: (resource, code) => `the shop ran into a PHP error while it listed ${resource} (error ${code})`,
  },
];

const noKey =
  'the shop received no key: its web server drops the Authorization header (CGI needs a rewrite rule for it), or the address leads elsewhere (www, https); else put the site with "keyIn": "address"';

/** Answers of hosting, firewalls and other programs in front of the shop. */
function inFront(answer: HttpAnswer, read: ShopAnswer, requested: RequestedList): Failure {
  const rule = rules.find(({ when }) => when(answer, read));
  const usual = statusFailure(answer.status, answer.headers, { repeatable: true, now: requested.now });
  if (rule) return { class: rule.class ?? usual.class, code: rule.code ?? String(answer.status), reason: rule.reason(answer.status, requested.resource, read) };
  return { ...usual, reason: `the shop answered ${answer.status}` };
}

interface Rule {
  when(answer: HttpAnswer, read: ShopAnswer): boolean;
  /** Default: the class of the status. */
  class?: Failure["class"];
  code?: ShopFailureCode;
  reason(status: number, resource: string, read: ShopAnswer): string;
}

const blocked = (status: number) => `a firewall in front of the shop refuses us (${status}): let the User-Agent "${userAgent}" pass`;
/** Cloudflare's own answers: refused, timed out, no way to it, no such name. */
const unreached = (status: number) => `there is no answer from the shop's address (${status}): check the address, and that the shop's server is up`;
const absent = (status: number) =>
  `there is no PrestaShop webservice at this address (${status}): check the address, and that the shop's rewrite rules pass /api on`;

/** First match counts. */
const rules: readonly Rule[] = [
  { when: ({ headers }) => headers.get("cf-mitigated") !== null, class: "config", code: "blocked", reason: blocked },
  { when: (answer) => answer.status === 401 && isShops(answer), class: "config", code: "no-key", reason: () => noKey },
  {
    when: ({ status }) => status === 401,
    class: "config",
    code: "blocked",
    reason: () => "a password protection or firewall stands in front of the shop (401): take /api out of it",
  },
  { when: ({ status }) => [403, 406, 451].includes(status), class: "config", code: "blocked", reason: blocked },
  { when: ({ status }) => status === 404 || status === 405 || status === 410, class: "config", code: "not-prestashop", reason: absent },
  { when: ({ status }) => status === 429, reason: () => "the shop's hosting says we ask too often" },
  { when: ({ status }) => status === 525 || status === 526, class: "transient", code: "certificate", reason: () => certificate },
  { when: ({ status }) => [521, 522, 523, 530].includes(status), class: "transient", code: "no-answer", reason: unreached },
  { when: ({ status }) => status === 508, class: "transient", reason: () => "the shop's hosting has reached its resource limit (508)" },
  { when: ({ status }) => status === 503, reason: () => "the shop is in maintenance or its hosting overloaded (503)" },
  { when: ({ status }) => status >= 500, class: "transient", reason: (status) => `the shop's server failed (${status})` },
  {
    when: ({ status }) => status >= 400,
    class: "permanent",
    reason: (status, resource) => `the shop refused the request for ${resource || "/api"} with ${status}`,
  },
  {
    when: (_answer, read) => read.kind === "html",
    class: "transient",
    code: "html",
    reason: (_status, resource) =>
      `the shop answered with a web page where ${resource || "data"} should be: maintenance mode, a login, or no PrestaShop at this address`,
  },
  {
    when: (_answer, read) => read.kind === "unreadable",
    class: "transient",
    code: "unreadable",
    reason: (_status, resource, read) => `the shop's answer for ${resource} cannot be read: ${read.kind === "unreadable" ? read.reason : ""}`,
  },
];

/** The realm names the program: a password protection of the hosting has another. */
function isShops({ headers, text }: HttpAnswer): boolean {
  return /prestashop/i.test(headers.get("www-authenticate") ?? "") || text().trim() === "401 Unauthorized";
}

/** Not followed: the key would be dropped, and the site should have its canonical address. */
function redirected({ headers, status }: HttpAnswer, requested: RequestedList): Failure {
  const target = URL.parse(headers.get("location") ?? "");
  const path = target?.pathname.replace(/\/api(\/.*)?$/, "").replaceAll(requested.key, "") ?? "";
  const to = target && /^https?:$/.test(target.protocol) ? ` to ${target.origin}${path.slice(0, 200)}` : "";
  const advice = to ? "set that as the site's address if it is the shop's" : "set the shop's final address, with https and with or without www as it is";
  return { class: "config", code: "redirect", reason: `the shop's address redirects${to} (${status}): ${advice}` };
}

function waitOf(failure: Failure, { headers }: HttpAnswer, { now }: RequestedList): Pick<Failure, "retryAfter"> {
  if (failure.class !== "transient" && failure.class !== "limited") return {};
  const after = retryAfter(headers, now);
  return after === undefined ? {} : { retryAfter: failure.class === "limited" ? Math.max(1, after) : after };
}
