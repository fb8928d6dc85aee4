import { recordOf } from "../../json/record";
import type { Failure, Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { Http, HttpAnswer, HttpRequest } from "../http";
import { codeIn, quoted } from "../../masking/provider-text";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import type { Contact, Crm } from "./crm";

interface HubspotOptions {
  http: Http;
  /** Token of a private app, or an OAuth access token. */
  apiKey: string;
  /** Default https://api.hubapi.com. */
  baseUrl?: string | undefined;
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

type Upserted = Reply<{ id: string; created: boolean }>;

/**
 * Contacts of HubSpot, or of a CRM with the same API: batch upsert by e-mail with one contact a call. A repeated upsert is harmless,
 * so a lost call or answer is `transient`. A 207 is read by its list of errors; a 409 names the existing contact,
 * which is updated by its id. Source: HubSpot's API specifications, CRM v3 objects; its Node client's retries.
 */
export function createHubspot(options: HubspotOptions): Crm {
  return {
    idempotentFor: Number.POSITIVE_INFINITY,
    upsert: async (contact, signal) => {
      const { email, properties } = contact;
      const body = { inputs: [{ idProperty: "email", id: email, properties: { ...properties, email } }] };
      const reply = await callHubspot(options, signal, { method: "POST", path: "/crm/v3/objects/contacts/batch/upsert", body });
      if (!reply.ok) return reply;
      const existing = existingId(reply.value);
      return existing === undefined ? readUpsert(reply.value, options) : update(existing, contact, signal, options);
    },
  };
}

async function update(id: string, contact: Contact, signal: AbortSignal, options: HubspotOptions): Promise<Upserted> {
  const path = `/crm/v3/objects/contacts/${encodeURIComponent(id)}`;
  const reply = await callHubspot(options, signal, { method: "PATCH", path, body: { properties: contact.properties } });
  if (!reply.ok) return reply;
  return reply.value.status === 200 ? ok({ id, created: false }) : failed(hubspotFailure(reply.value, options));
}

async function callHubspot(options: HubspotOptions, signal: AbortSignal, { method, path, body }: { method: "POST" | "PATCH"; path: string; body: unknown }) {
  const request: HttpRequest = {
    method,
    url: `${(options.baseUrl ?? "https://api.hubapi.com").replace(/\/$/, "")}${path}`,
    headers: { authorization: `Bearer ${options.apiKey}`, "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
    repeatable: true,
    signal,
  };
  const reply = await options.http(request);
  return reply.ok ? reply : failed({ ...reply.failure, reason: `CRM: ${reply.failure.reason}` });
}

/** `Contact already exists. Existing ID: 123`, of a 409 or in the list of errors of a 207. */
function existingId(answer: HttpAnswer): string | undefined {
  const body = recordOf(answer.json());
  const conflict =
    answer.status === 409
      ? body
      : listOf(body["errors"])
          .map(recordOf)
          .find(({ category }) => category === "CONFLICT");
  if (answer.status !== 409 && (answer.status !== 207 || listOf(body["results"]).length > 0)) return undefined;
  const { message } = conflict ?? {};
  return typeof message === "string" ? /Existing ID:\s*(\d{1,20})/i.exec(message)?.[1] : undefined;
}

function readUpsert(answer: HttpAnswer, options: HubspotOptions): Upserted {
  if (answer.status < 200 || answer.status > 299) return failed(hubspotFailure(answer, options));
  const body = recordOf(answer.json());
  const result = recordOf(listOf(body["results"])[0]);
  if (typeof result["id"] === "string" && result["id"] !== "") return ok({ id: result["id"].slice(0, 64), created: result["new"] === true });
  const error = recordOf(listOf(body["errors"])[0]);
  if (answer.status === 207 || Object.keys(error).length > 0) return failed(partial(error, options));
  return failed({ class: "transient", reason: `CRM: answered ${answer.status} without the contact` });
}

/** The result of a 207 for the one contact. Its category replaces the status. */
function partial(error: Record<string, unknown>, options: HubspotOptions): Failure {
  const category = codeWordOf(error["category"]) ?? "UNKNOWN";
  const kind = { RATE_LIMITS: "limited", MISSING_SCOPES: "config", INTERNAL_ERROR: "transient", CONFLICT: "transient" }[category] ?? "permanent";
  const wait = kind === "limited" ? { retryAfter: 10 } : {};
  return { class: kind as Failure["class"], ...wait, reason: `CRM: 207 ${category}`, ...quoted(error["message"], [options.apiKey]), code: category };
}

function hubspotFailure(answer: HttpAnswer, options: HubspotOptions): Failure {
  const now = options.now();
  const body = recordOf(answer.json());
  const usual = statusFailure(answer.status, answer.headers, { repeatable: true, now });
  const policy = codeWordOf(body["policyName"]);
  const category = policy ?? codeWordOf(body["category"]);
  const reason = `CRM: ${answer.status}${category ? ` ${category}` : ""}`;
  return {
    ...usual,
    ...byStatus(answer, policy, body["message"], now),
    reason,
    ...quoted(body["message"], [options.apiKey]),
    code: category ?? String(answer.status),
  };
}

function byStatus(answer: HttpAnswer, policy: string | undefined, message: unknown, now: number): Partial<Failure> {
  if (answer.status === 423) return { class: "transient", retryAfter: Math.max(2, retryAfter(answer.headers, now) ?? 2) };
  // A conflict that names no contact: another call is writing it.
  if (answer.status === 409) return { class: "transient" };
  if (answer.status !== 429) return {};
  return { class: "limited", retryAfter: Math.max(retryAfter(answer.headers, now) ?? 0, windowOf(policy, message)) };
}

/** Seconds until the window of a limit ends. A day ends at midnight in the account's time zone, which is unknown, so it is tried again each hour. */
function windowOf(policy: string | undefined, message: unknown): number {
  if (policy === "DAILY") return 3600;
  if (policy === "SECONDLY" || (typeof message === "string" && /secondly limit/i.test(message) && policy === undefined)) return 1;
  return 10;
}

function codeWordOf(value: unknown): string | undefined {
  return typeof value === "string" ? codeIn(value) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
