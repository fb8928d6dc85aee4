import { randomUUID } from "node:crypto";
import type { Kept } from "./kept.ts";
import type { Answering, Call, Provider, Reply, World } from "./provider.ts";

/** A contact as the CRM holds it. */
interface Contact {
  id: string;
  properties: Record<string, string>;
  createdAt: string;
  updatedAt: string;
}

/** Properties that a new account has. */
const known = ["email", "firstname", "lastname", "phone", "company", "city", "country", "website", "lifecyclestage", "hs_lead_status"];
const mostInputs = 100;

/**
 * A CRM with the interface of HubSpot's v3, under `/crm`: `POST /crm/v3/objects/contacts/batch/upsert` (by e-mail; 207 when some
 * inputs are wrong), `PATCH` and `GET /crm/v3/objects/contacts/{id}`, `GET /crm/v3/objects/contacts`. An e-mail address at
 * `refused.example` is refused alone, one at `conflict.example` conflicts with a contact that is there already. Contacts outlive a restart.
 */
export const crm: Provider = {
  name: "crm",
  open(world) {
    const contacts = world.kept<Contact>(crm.name);
    return {
      answer: (call) => answer(call, contacts, world),
      refuse: faultReply,
      reset: () => contacts.clear(),
    } satisfies Answering;
  },
};

async function answer(call: Call, contacts: Kept<Contact>, world: World): Promise<Reply> {
  if (!/^Bearer \S+$/i.test(call.headers["authorization"] ?? "")) return refusal(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.");
  const base = "/crm/v3/objects/contacts";
  const id = call.path.startsWith(`${base}/`) ? call.path.slice(base.length + 1) : null;
  if (call.method === "POST" && id === "batch/upsert") return upsert(call, contacts, world);
  if (call.method === "GET" && call.path === base) return { status: 200, body: { results: contacts.values() } };
  const contact = contacts.values().find((each) => each.id === id);
  if (!contact || !["GET", "PATCH"].includes(call.method)) return refusal(404, "OBJECT_NOT_FOUND", "resource not found");
  return call.method === "GET" ? { status: 200, body: contact } : patch(call, contact, contacts, world);
}

async function upsert(call: Call, contacts: Kept<Contact>, world: World): Promise<Reply> {
  const inputs = inputsOf(call.body);
  if (typeof inputs === "string") return refusal(400, "VALIDATION_ERROR", inputs);
  const conflicting = inputs.find(({ id }) => /@conflict\.example$/i.test(id));
  if (conflicting) {
    const contact = contacts.get(conflicting.id.toLowerCase()) ?? write(conflicting.id, {}, contacts, world).contact;
    return refusal(409, "CONFLICT", `Contact already exists. Existing ID: ${contact.id}`);
  }
  await call.pause();
  const good = inputs.filter(({ id }) => !/@refused\.example$/i.test(id));
  if (good.length > 0) world.effects.record(crm.name, call.key);
  const results = good.map(({ id, properties }) => {
    const { contact, fresh } = write(id, properties, contacts, world);
    return { ...contact, new: fresh };
  });
  if (good.length === inputs.length) return { status: 200, body: { status: "COMPLETE", results } };
  const errors = [{ status: "error", category: "VALIDATION_ERROR", message: "The e-mail address is not valid.", context: {} }];
  return { status: 207, body: { status: "COMPLETE", results, numErrors: inputs.length - good.length, errors } };
}

async function patch(call: Call, contact: Contact, contacts: Kept<Contact>, world: World): Promise<Reply> {
  const properties = propertiesOf(parsed(call.body)?.["properties"]);
  if (typeof properties === "string") return refusal(400, "VALIDATION_ERROR", properties);
  await call.pause();
  world.effects.record(crm.name, call.key);
  Object.assign(contact.properties, properties);
  contact.updatedAt = new Date(world.now()).toISOString();
  contacts.put((contact.properties["email"] ?? contact.id).toLowerCase(), contact);
  return { status: 200, body: contact };
}

function write(email: string, properties: Record<string, string>, contacts: Kept<Contact>, world: World): { contact: Contact; fresh: boolean } {
  const at = new Date(world.now()).toISOString();
  const there = contacts.get(email.toLowerCase());
  const contact = there ?? { id: String(100_000 + contacts.size + 1), properties: { email }, createdAt: at, updatedAt: at };
  Object.assign(contact.properties, properties);
  contact.updatedAt = at;
  contacts.put(email.toLowerCase(), contact);
  return { contact, fresh: !there };
}

function inputsOf(body: string): { id: string; properties: Record<string, string> }[] | string {
  const inputs = parsed(body)?.["inputs"];
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > mostInputs) return `inputs must be a list of 1 to ${mostInputs}`;
  const read = inputs.map((input: unknown) => {
    const { id, idProperty, properties } = (input ?? {}) as Record<string, unknown>;
    if (typeof id !== "string" || !id.includes("@") || idProperty !== "email") return "id must be an e-mail address and idProperty email";
    const checked = propertiesOf(properties);
    return typeof checked === "string" ? checked : { id, properties: checked };
  });
  const wrong = read.find((each) => typeof each === "string");
  const good = read.filter((each) => typeof each !== "string");
  if (new Set(good.map(({ id }) => id.toLowerCase())).size < good.length) return "Duplicate IDs found in batch input";
  return wrong ?? good;
}

function propertiesOf(value: unknown): Record<string, string> | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "properties must be an object";
  const strange = Object.keys(value).find((name) => !known.includes(name));
  if (strange) return `Property values were not valid: Property "${strange}" does not exist`;
  const entries = Object.entries(value);
  return entries.every(([, each]) => typeof each === "string") ? (value as Record<string, string>) : "property values must be strings";
}

function refusal(status: number, category: string, message: string, more: object = {}): Reply {
  return { status, body: { status: "error", message, correlationId: randomUUID(), category, ...more } };
}

function faultReply(status: number): Reply {
  if (status === 429)
    return refusal(429, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.", { errorType: "RATE_LIMIT", policyName: "TEN_SECONDLY_ROLLING" });
  const categories: Record<number, string> = { 400: "VALIDATION_ERROR", 401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 409: "CONFLICT", 423: "LOCKED" };
  return refusal(status, categories[status] ?? "INTERNAL_ERROR", "internal error");
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
