import { sha256Hex } from "../../crypto";
import { recordBlocked } from "../../domain/leads/blocked";
import { enrich, type RequestFacts } from "../../domain/leads/enrich";
import { type FormFields, sortFields, typedIn } from "../../domain/leads/fields";
import { canonicalIp, isListed, ownsUrl } from "../../tenants/project-schema";
import type { SubmissionInput } from "../../domain/leads/model";
import { Problem, problemOfRefusal, wrongInput } from "../../errors";
import { lead } from "../../jobs/lead/job";
import { mismatch } from "../../queue/accept/receipts";
import type { EnqueueRequest, Receipt } from "../../queue/request";
import type { IntakeDeps } from "../deps";
import { readIdempotencyKey } from "../idempotency";
import { readLeadForm } from "./body";
import { clientAddress } from "../network";
import { authenticateSender, checkForm, type LeadEndpoint } from "./endpoint";

/** The answer to an accepted lead; a blocked sender gets the same. */
export interface Taken {
  id: string;
  replayed: boolean;
  /** The thank-you page that the form names. */
  page: string | undefined;
}

/** Takes a lead from the request to the queue without a read of the database. Throws the Problem with the reason of a refusal. */
export async function acceptLead(deps: IntakeDeps, endpoint: LeadEndpoint, request: Request, requestId: string): Promise<Taken> {
  const sender = await authenticateSender(deps, endpoint, request);
  const form = sortFields(await readLeadForm(request));
  if (sender === "browser") checkForm(endpoint, form.fields);
  const dedupe = await dedupeKeyOf(endpoint, sender, form, request.headers);
  const facts = { ...factsOf(request, requestId), sender };
  // Issues are reported before the captcha is used up.
  let submission = await submissionOf(endpoint, form, facts);
  if (sender === "browser" && (await captchaUnchecked(deps, endpoint, form, facts.ip, dedupe?.key)))
    submission = await submissionOf(endpoint, form, { ...facts, unverified: true });
  const page = form.fields.thankYouUrl;
  if (facts.ip !== undefined && isListed(endpoint.project.blockedIps, facts.ip))
    return { ...(await shadowAccept(deps, endpoint, canonicalIp(facts.ip), dedupe)), page };
  return { ...(await send(deps, endpoint.tenant, submission, dedupe)), page };
}

async function submissionOf({ name, project }: LeadEndpoint, form: FormFields, facts: RequestFacts): Promise<SubmissionInput> {
  const enriched = await enrich(name, project, form, facts);
  if (enriched.ok) return enriched.submission;
  throw new Problem("invalid", wrongInput("The form", enriched.issues), { errors: enriched.issues });
}

/** The captcha, where the project has one: true when it could not be checked. */
async function captchaUnchecked(
  deps: Pick<IntakeDeps, "leads">,
  { tenant, name, project }: LeadEndpoint,
  { fields }: FormFields,
  ip: string | undefined,
  repeatKey: string | undefined,
): Promise<boolean> {
  if (project.turnstile === undefined) return false;
  const secret = await deps.leads.secret(tenant, name, "turnstile", project);
  if (secret === undefined) return true;
  const isOwnHost = (host: string) =>
    ownsUrl(
      project.domains.map((each) => each.replace(/:\d+$/, "")),
      `https://${host}`,
    );
  const answer = await deps.leads.turnstile({ secret, token: fields.turnstile ?? "", ip, repeatKey, isOwnHost });
  if (answer.result !== "refused") return answer.result === "unchecked";
  throw new Problem("forbidden", "The captcha was not accepted: solve it again.", { errors: [{ path: "cf-turnstile-response", message: answer.reason }] });
}

/** A blocked sender gets the answer of a success, and nothing is enqueued. The row holds a pseudonym of the address, not the address. */
async function shadowAccept(
  deps: Pick<IntakeDeps, "audit" | "db" | "leads" | "now">,
  { tenant, name }: LeadEndpoint,
  ip: string,
  dedupe: DedupeKey | undefined,
): Promise<Pick<Taken, "id" | "replayed">> {
  const mark = await pseudonymOf(deps, tenant, `blocked ${ip}`);
  deps.leads.defer(deps.audit({ tenant, actor: "public", action: "block", target: `${name}/${mark}`, at: deps.now() }));
  if (dedupe === undefined) return { id: await deps.leads.newId(tenant), replayed: false };
  const id = await deps.leads.idOfKey(tenant, dedupe.key);
  // Without the database no repeat is recognised from any sender.
  const post = { id, content: await pseudonymOf(deps, tenant, `content ${dedupe.content}`) };
  const kind = await recordBlocked(deps.db, tenant, post, deps.now()).catch(() => "new");
  if (kind === "another") return accepted(mismatch());
  return { id, replayed: kind === "repeated" };
}

/** A keyed hash: equal for equal texts, and without the key nothing about the text can be found from it. */
async function pseudonymOf(deps: Pick<IntakeDeps, "leads">, tenant: string, text: string): Promise<string> {
  return (await deps.leads.idOfKey(tenant, text)).slice(-8);
}

/** The key by which repeated posts are one submission; undefined where each post is a submission of its own. */
interface DedupeKey {
  key: string;
  /** The key of an earlier version, which did not include the sender. */
  formerKey: string;
  /** Hash of the fields that were typed. Time, address and behaviour are left out: they differ between two presses of a button. */
  content: string;
  /** Whether the sender chose the key itself and so uses it for this submission only. */
  callerSupplied: boolean;
}

async function dedupeKeyOf({ name }: LeadEndpoint, sender: "server" | "browser", form: FormFields, headers: Headers): Promise<DedupeKey | undefined> {
  const callerKey = readIdempotencyKey(headers);
  const nonce = form.fields.nonce?.slice(0, 128);
  if (callerKey === undefined && nonce === undefined) return undefined;
  const content = await contentOf(form);
  // A corrected form is another submission, so the content is part of a nonce's key, but not of a key that the sender chose.
  const of = callerKey === undefined ? ["nonce", nonce, content] : ["key", callerKey];
  // A form must not use up the keys of the tenant's own server.
  const [key, formerKey] = await Promise.all([sha256Hex(JSON.stringify([name, sender, ...of])), sha256Hex(JSON.stringify([name, ...of]))]);
  return { key: key.slice(0, 43), formerKey: formerKey.slice(0, 43), content, callerSupplied: callerKey !== undefined };
}

async function send(
  deps: Pick<IntakeDeps, "enqueue">,
  tenant: string,
  payload: SubmissionInput,
  dedupe: DedupeKey | undefined,
): Promise<Pick<Taken, "id" | "replayed">> {
  const request = { tenant, type: lead.type, payload };
  if (dedupe === undefined) return accepted(await enqueueOne(deps, request));
  const receipt = await enqueueOne(deps, { ...request, own: [dedupe.key], formerKey: dedupe.formerKey, fingerprintOf: dedupe.content });
  // The content is part of a nonce's key: a mismatch means that the row was erased since, and this is a new visit.
  const erased = receipt.ok && receipt.erased === true && !dedupe.callerSupplied;
  return accepted(erased ? await enqueueOne(deps, request) : receipt);
}

async function enqueueOne(deps: Pick<IntakeDeps, "enqueue">, request: EnqueueRequest): Promise<Receipt> {
  const [receipt] = await deps.enqueue([request]);
  if (!receipt) throw new Problem("unavailable", "The lead was not accepted.", { retryAfter: 5 });
  return receipt;
}

function accepted(receipt: Receipt): Pick<Taken, "id" | "replayed"> {
  if (receipt.ok) return { id: receipt.id, replayed: receipt.replayed };
  throw problemOfRefusal(receipt);
}

function contentOf(form: FormFields): Promise<string> {
  return sha256Hex(JSON.stringify(typedIn(form).toSorted(([left], [right]) => (left < right ? -1 : 1))));
}

function factsOf(request: Request, id: string): RequestFacts {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  const header = (name: string) => request.headers.get(name) ?? undefined;
  const { country, city, region, timezone } = cf ?? {};
  return { id, ip: clientAddress(request), userAgent: header("user-agent"), referer: header("referer"), country, city, region, timezone };
}
