import { openPath, type AnyRoute } from "./route";

/** The text of the OpenAPI document about what all calls have in common. */
export const apiDescription = `Background jobs of a multi-tenant SaaS.

**Authorization.** Send \`Authorization: Bearer <token>\`. A token of a tenant acts for its tenant and has scopes; \`admin\` includes the others. The root token names the tenant it acts for in the header \`Jobyard-Tenant\`. \`x-scope\` of an operation is the scope it needs.

**Idempotency.** A call that enqueues takes the header \`Idempotency-Key\`. The same key with the same payload is the same job, and the answer has the same id; with another payload it is 422. A key lives as long as its job is kept, at least 24 hours. After a 503 or a broken connection send the call again with the same key.

**Paging.** A list takes \`limit\` (1 to 200) and \`cursor\`. The \`cursor\` of an answer is that of the next page; null means the end. With filters a page may have few items, or none, and a cursor.

**Errors** are \`application/problem+json\` (RFC 9457): \`code\` is stable, \`detail\` is a sentence, \`errors\` lists what is wrong by its path. 429 and 503 have \`Retry-After\`.`;

const groups: Readonly<Record<string, string>> = {
  jobs: "Enqueue, look at, cancel and repeat jobs",
  "dead-letters": "Jobs that failed for good",
  replays: "Dead letters that run again",
  schedules: "Recurring jobs",
  queues: "Queues, and pauses of them",
  types: "Types of jobs with their schemas",
  gates: "What holds jobs back: limits and circuits of outside systems",
  tenants: "Tenants and their tokens",
  connections: "Credentials and settings for outside systems",
  sites: "Shops, their orders, products and purchase orders",
  leads: "Leads: forms, search, export, erasure",
  events: "Received events and their fields",
  work: "The protocol of remote workers",
  system: "Health, metrics, this document, pages for people",
};

/** The group under which a path is shown: its first part after `/v1/`. */
export function tagOf(path: string): string {
  return path.startsWith("/v1/") ? (path.split("/")[2] ?? "system") : "system";
}

/** The groups in the order of their first operation. */
export function tagsOf(table: readonly AnyRoute[]): { name: string; description: string }[] {
  const names = [...new Set(table.map(({ path }) => tagOf(openPath(path))))];
  return names.map((name) => ({ name, description: groups[name] ?? name.replaceAll("-", " ") }));
}
