import { openPath, type AnyRoute } from "./route";

/** The text of the OpenAPI document about what all calls have in common. */
export const apiDescription = `Background jobs of a multi-tenant SaaS.

**Authorization.** Send \`Authorization: Bearer <token>\`. A token of a tenant acts for its tenant and has scopes; \`admin\` includes the others. The root token names the tenant it acts for in the header \`Jobyard-Tenant\`. \`x-scope\` of an operation is the scope it needs.

**Idempotency.** A call that enqueues takes the header \`Idempotency-Key\`. The same key with the same payload is the same job, and the answer has the same id; with another payload it is 422. A key lives as long as its job is kept, at least 24 hours. After a 503 or a broken connection send the call again with the same key.

**Paging.** A list takes \`limit\` (1 to 200) and \`cursor\`. The \`cursor\` of an answer is that of the next page; null means the end. With filters a page may have few items, or none, and a cursor.

**Errors** are \`application/problem+json\` (RFC 9457): \`code\` is stable, \`detail\` is a sentence, \`errors\` lists what is wrong by its path. 429 and 503 have \`Retry-After\`.`;

const groups: Readonly<Record<string, string>> = {
  jobs: "Enqueue, look at, cancel and repeat jobs",
  email: "One mail to each of many recipients",
  campaigns: "Mailings to long lists: recipients, start, pause, report",
  templates: "Content of mails, in versions",
  suppressions: "Addresses that get no mail, and why",
  "mail-events": "What mail providers report: deliveries, bounces, complaints",
  "dead-letters": "Jobs that failed for good",
  replays: "Dead letters that run again",
  failures: "Retrying and dead jobs, grouped by cause",
  "bulk-actions": "Progress of acts on many jobs: cancel, run now, dismiss",
  schedules: "Recurring jobs",
  queues: "Queues, and pauses of them",
  types: "Types of jobs with their schemas",
  gates: "What holds jobs back: limits and circuits of outside systems",
  pauses: "Which queues, types and tenants are paused, by whom and why",
  report: "What needs a person, with remedies",
  alerts: "What was sent to Slack, mail or a webhook",
  "alert-rules": "Which findings go to which channels",
  heartbeat: "An address that each working tick calls, so that an outage is noticed elsewhere",
  audit: "Who did what",
  costs: "What jobs cost, estimated",
  stats: "Counts by minute",
  installation: "Versions of the Worker, steps of the tick, size of the ledger",
  access: "Sign-in to the pages by Cloudflare Access",
  me: "The caller's tenant and scopes",
  tenants: "Tenants and their tokens",
  connections: "Credentials and settings for outside systems",
  sites: "Shops, their orders, products and purchase orders",
  webhooks: "Where shops post their signed webhooks",
  projects: "Settings of lead projects",
  leads: "Leads: forms, search, export, erasure",
  media: "Pictures with their variants and alt texts",
  agents: "Agents with their budgets",
  "agent-runs": "Runs of agents, and proposals that wait for a person",
  events: "Received events and their fields",
  "event-types": "The catalogue of events",
  "event-secret": "The secret by which a tenant signs its events",
  destinations: "Where events are sent",
  subscriptions: "Where events and the ends of jobs are sent",
  work: "The protocol of remote workers",
  workers: "Remote workers, and the state set for each",
  system: "Health, metrics, this document, pages for people",
};

/** The group under which a path is shown: its first part after `/v1/`. */
export function tagOf(path: string): string {
  return path.startsWith("/v1/") ? (path.split("/")[2] ?? "system") : "system";
}

/** The groups in the order of their first operation. */
export function tagsOf(table: readonly AnyRoute[]): { name: string; description: string }[] {
  const names = [...new Set(table.map(({ path }) => tagOf(openPath(path))))];
  return names.map((name) => ({ name, description: groups[name] ?? name }));
}

/** Ids of a path by the part before them. */
const ids: Readonly<Record<string, string>> = {
  jobs: "a job",
  work: "the job that the worker holds",
  "dead-letters": "the job",
  tokens: "a token",
  templates: "a template",
  campaigns: "a campaign",
  leads: "a lead",
  replays: "a replay",
  "bulk-actions": "a bulk action",
  "agent-runs": "the agent's job",
};

/** Names of a path by the part before them. */
const settings: Readonly<Record<string, string>> = {
  connections: "mail, slack, crm, make or models",
  destinations: "The destination's name, built in or of your choice",
  subscriptions: "The subscription's name, of your choice",
  schedules: "The schedule's name, of your choice",
  "alert-rules": "The rule's name, of your choice",
};

/** What parameters mean that have one meaning everywhere. */
const parameters: Readonly<Record<string, string>> = {
  tenant: "The tenant's name",
  site: "The site's name, of your choice",
  project: "The project's name",
  supplier: "The supplier's id in the shop",
  provider: "The mail provider: resend, postmark, ses",
  address: "The mail address, percent-encoded",
  token: "The sealed text of the link",
  type: "The type's name",
  queue: "The queue's name",
  dependency: "The gate's dependency, as `GET /v1/gates` lists it",
  group: "The id of the group of failures",
  worker: "The name that the worker gave itself",
  siteId: "The site's name",
  cursor: "From the answer before; null there means the end",
  q: "Text to search for",
  from: "From this time on",
  to: "Before this time",
  signature: "Of the address that the worker was given",
  active: "Active ones alone, or inactive ones",
  agentType: "The agent's name",
  bot: "Robots alone, or none",
  customerId: "The customer's id in the shop",
  supplierId: "The supplier's id in the shop",
  manufacturerId: "The manufacturer's id in the shop",
  reference: "The reference in the shop",
  reason: "One reason alone",
  scope: "all or bulk; both when left out",
  state: "One state alone",
  status: "One status alone",
};

/** What a parameter of the path or the query means, for one that its schema does not describe. */
export function parameterText(path: string, name: string): string | undefined {
  const parts = path.split("/");
  const before = parts[parts.findIndex((part) => part.startsWith(`{${name}`)) - 1] ?? "";
  if (name === "id") return `The id of ${ids[before]}`;
  if (name === "name") return settings[before];
  if (name === "key") return before === "effects" ? "The effect's key, the same in each run" : "The picture's key, slashes included";
  if (name === "order") return before === "orders" ? "The order's id in the shop" : "The purchase order's id";
  return parameters[name];
}
