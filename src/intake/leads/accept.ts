import { enrich } from "../../domain/leads/enrich";
import { type FormFields, sortFields } from "../../domain/leads/fields";
import { ownsUrl } from "../../domain/leads/project";
import type { SubmissionInput } from "../../domain/leads/submission";
import { Problem } from "../../errors";
import { lead } from "../../jobs/lead/job";
import type { Receipt } from "../../queue/request";
import type { IntakeDeps } from "../deps";
import { readIdempotencyKey } from "../idempotency";
import { readForm } from "./body";
import { addressOf, admitSender, checkForm, type Door } from "./door";

/** A lead that was taken, or that is treated as if it had been. */
export interface Taken {
  id: string;
  replayed: boolean;
  /** Where the form itself wants its visitor to go on. */
  page: string | undefined;
}

/** From the request to the queue; nothing in between asks the database. Throws the Problem that says why not. */
export async function takeLead(deps: IntakeDeps, door: Door, request: Request, requestId: string): Promise<Taken> {
  const sender = await admitSender(deps, door, request);
  const form = sortFields(await readForm(request));
  if (sender === "browser") checkForm(door, form.fields);
  const unverified = sender === "browser" && (await captchaUnchecked(deps, door, form, request));
  const enriched = enrich(door.name, door.project, form, { ...factsOf(request, requestId), unverified });
  if (!enriched.ok) throw new Problem("invalid", "The form is not filled in right.", { errors: enriched.issues });
  const page = form.fields.thankYouUrl;
  const ip = addressOf(request);
  if (ip !== undefined && door.project.blockedIps.includes(ip.toLowerCase())) return { ...(await pretend(deps, door, ip)), page };
  return { ...(await send(deps, door, enriched.submission, form, request.headers)), page };
}

/** The captcha, where the project wants one: true when nobody could tell whether it was solved. */
async function captchaUnchecked(deps: IntakeDeps, { tenant, name, project }: Door, { fields }: FormFields, request: Request): Promise<boolean> {
  if (project.turnstile === undefined) return false;
  const secret = await deps.leads.secret(tenant, name, "turnstile", project);
  if (secret === undefined) return true;
  const isOwnHost = (host: string) =>
    ownsUrl(
      project.domains.map((each) => each.replace(/:\d+$/, "")),
      `https://${host}`,
    );
  const answer = await deps.leads.turnstile({ secret, token: fields.turnstile ?? "", ip: addressOf(request), isOwnHost });
  if (answer.verdict !== "refused") return answer.verdict === "unchecked";
  throw new Problem("forbidden", "The captcha must be solved once more.", { errors: [{ path: "cf-turnstile-response", message: answer.reason }] });
}

/** A blocked sender sees what everybody sees. */
async function pretend(deps: IntakeDeps, { tenant, name }: Door, ip: string): Promise<Pick<Taken, "id" | "replayed">> {
  const at = deps.now();
  const entry = { tenant, actor: "public", action: "block", target: `${name}/${(await digest(`${tenant} ${ip}`)).slice(0, 16)}`, at } as const;
  deps.leads.defer(deps.audit(entry));
  return { id: await deps.leads.newId(tenant), replayed: false };
}

async function send(
  deps: IntakeDeps,
  { tenant, name }: Door,
  submission: SubmissionInput,
  form: FormFields,
  headers: Headers,
): Promise<Pick<Taken, "id" | "replayed">> {
  const given = readIdempotencyKey(headers);
  const nonce = form.fields.nonce?.slice(0, 128);
  if (given === undefined && nonce === undefined) return accepted(await enqueueOne(deps, tenant, submission));
  const content = (await contentOf(form)).slice(0, 32);
  // A form that was corrected and sent again is another submission; a key is its sender's own responsibility.
  const key = (await digest(JSON.stringify(given === undefined ? [name, "nonce", nonce, content] : [name, "key", given]))).slice(0, 43);
  const receipt = await enqueueOne(deps, tenant, { ...submission, content }, key);
  if (receipt.ok || receipt.code !== "idempotency-mismatch") return accepted(receipt);
  // Time, address and behaviour differ between two presses of a button: what was typed decides.
  const id = await deps.leads.idOfKey(tenant, key);
  if (given !== undefined && !(await isSame(deps, tenant, id, content))) return accepted(receipt);
  return { id, replayed: true };
}

async function enqueueOne(deps: IntakeDeps, tenant: string, payload: SubmissionInput, key?: string): Promise<Receipt> {
  const [receipt] = await deps.enqueue([{ tenant, type: lead.type, payload, key }]);
  if (!receipt) throw new Problem("unavailable", "The lead was not accepted.", { retryAfter: 5 });
  return receipt;
}

function accepted(receipt: Receipt): Pick<Taken, "id" | "replayed"> {
  if (receipt.ok) return { id: receipt.id, replayed: receipt.replayed };
  const { code, detail, errors, retryAfter } = receipt;
  throw new Problem(code, detail, { errors, ...(retryAfter === undefined ? {} : { retryAfter }) });
}

async function isSame(deps: IntakeDeps, tenant: string, id: string, content: string): Promise<boolean> {
  const job = await deps.queries.job(tenant, id);
  if (!job?.payload) return true;
  return (JSON.parse(job.payload) as { content?: string }).content === content;
}

const changing = ["secondsToSubmit", "turnstile", "nonce", "duration", "scroll", "clicks", "pagesVisited", "returnVisits", "vpnScore"];

function contentOf({ fields, extra }: FormFields): Promise<string> {
  const typed = Object.entries({
    ...extra,
    ...Object.fromEntries(
      Object.entries(fields)
        .filter(([name]) => !changing.includes(name))
        .map(([name, value]) => [`field ${name}`, value]),
    ),
  });
  return digest(JSON.stringify(typed.toSorted(([left], [right]) => (left < right ? -1 : 1))));
}

function factsOf(request: Request, id: string) {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  const header = (name: string) => request.headers.get(name) ?? undefined;
  const { country, city, region, timezone } = cf ?? {};
  return { id, ip: addressOf(request), userAgent: header("user-agent"), referer: header("referer"), country, city, region, timezone };
}

async function digest(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
