import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { Failure } from "./failure.ts";
import type { Mode } from "./options.ts";
import type { Product } from "./product.ts";
import { attemptsMade, type Judged } from "./request.ts";

/** What the product would make of a request, asked before a job is taken. */
export interface Destination {
  product: Product;
  /** The same, or why the job is better left where it is. */
  judge(judged: Judged): Promise<Judged>;
  /** The attempts of each type. */
  attempts: ReadonlyMap<string, number>;
}

interface TypeView {
  type: string;
  aliases?: string[];
  version: number;
  policy: { maxAttempts: number };
  payload: Record<string, unknown>;
}

/** The body of a batch may have 10 MB. */
const maxJobBytes = 9_500_000;

const neededScopes: Record<Mode, readonly string[]> = {
  plan: ["read"],
  take: ["read", "enqueue"],
  follow: ["read", "enqueue"],
  rollback: ["read", "enqueue", "operate"],
  finish: ["read", "enqueue"],
};

/** Looks at the product once: whether the token is good for the mode, and which types there are. Throws a Failure that names what is missing. */
export async function openDestination(product: Product, mode: Mode): Promise<Destination> {
  const { body } = await product.expect([200], "GET", "/v1/types");
  if (!Array.isArray(body["types"])) throw new Failure(2, "--to does not lead to Jobyard: GET /v1/types answered something else.");
  if (product.tenant !== undefined) await checkScopes(product, mode);
  const views = body["types"] as TypeView[];
  const types = typesFrom(views);
  const known = product.tenant === undefined ? await readTenants(product) : new Set<string>();
  const hasTenant = async (tenant: string) => known.has(tenant) || ((await isThere(product, tenant)) && known.add(tenant).has(tenant));
  return {
    product,
    judge: (judged) => judge(judged, product, types, hasTenant),
    attempts: new Map(views.map(({ type, policy }) => [type, policy.maxAttempts])),
  };
}

async function checkScopes(product: Product, mode: Mode): Promise<void> {
  // Older deployments do not have this route.
  const me = await product.ask("GET", "/v1/me");
  const scopes = me.status === 200 ? me.body["scopes"] : undefined;
  if (!Array.isArray(scopes) || scopes.includes("admin")) return;
  const missing = neededScopes[mode].filter((scope) => !scopes.includes(scope));
  if (missing.length > 0) throw new Failure(3, `The token lacks ${missing.map((scope) => `the scope "${scope}"`).join(" and ")}, which --${mode} needs.`);
}

/** All of them, page by page: one question for each tenant of a queue would be many. */
async function readTenants(product: Product): Promise<Set<string>> {
  const known = new Set<string>();
  for (let cursor: unknown = ""; typeof cursor === "string";) {
    const { body } = await product.expect([200], "GET", `/v1/tenants${cursor === "" ? "" : `?cursor=${encodeURIComponent(cursor)}`}`);
    for (const { tenant } of (body["tenants"] ?? []) as { tenant: string }[]) known.add(tenant);
    cursor = body["cursor"];
  }
  return known;
}

/** It may have been made since. */
async function isThere(product: Product, tenant: string): Promise<boolean> {
  return (await product.expect([200, 404], "GET", `/v1/tenants/${tenant}`)).status === 200;
}

async function judge(judged: Judged, product: Product, types: Map<string, KnownType>, hasTenant: (tenant: string) => Promise<boolean>): Promise<Judged> {
  if ("reason" in judged) return judged;
  const { request, entry } = judged;
  if (product.tenant !== undefined && request.tenant !== product.tenant) return { reason: "foreign-tenant" };
  if (product.tenant === undefined && !(await hasTenant(request.tenant))) return { reason: "unknown-tenant", detail: request.tenant };
  if (Buffer.byteLength(JSON.stringify(request.job)) > maxJobBytes) return { reason: "size" };
  const type = types.get(request.job.type);
  if (!type) return { reason: "type", detail: request.job.type };
  if (entry.version !== undefined && entry.version !== type.version) {
    return { reason: "version", detail: `${request.job.type} has version ${type.version}, the map ${entry.version}` };
  }
  const issue = type.issueIn(request.job.payload);
  if (issue !== undefined) return { reason: "payload", detail: issue };
  // A dead letter has none left.
  const made = request.job.failed === undefined ? attemptsMade(judged.attempts, type.maxAttempts) : 0;
  return made === 0 ? judged : { ...judged, request: { ...request, job: { ...request.job, attemptsMade: made } } };
}

interface KnownType {
  version: number;
  maxAttempts: number;
  /** Where the payload differs from the type's structure; undefined when it does not. */
  issueIn(payload: unknown): string | undefined;
}

function typesFrom(views: readonly TypeView[]): Map<string, KnownType> {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const known = views.flatMap(({ type, aliases = [], version, policy, payload }) => {
    const validate = compiled(ajv, payload);
    const issueIn = (value: unknown) => (validate === undefined || validate(value) ? undefined : firstIssue(validate));
    return [type, ...aliases].map((name) => [name, { version, maxAttempts: policy.maxAttempts, issueIn }] as const);
  });
  return new Map(known);
}

function compiled(ajv: Ajv2020, schema: Record<string, unknown>): ValidateFunction | undefined {
  try {
    return ajv.compile(structureOf(schema) as Record<string, unknown>);
  } catch {
    // A schema that ajv does not understand: the product alone decides.
    return undefined;
  }
}

function firstIssue({ errors }: ValidateFunction): string {
  const [first] = errors ?? [];
  const extra = first?.params["additionalProperty"] as string | undefined;
  return `payload${(first?.instancePath ?? "").replaceAll("/", ".")} ${extra === undefined ? (first?.message ?? "is wrong") : `must not have the field "${extra.slice(0, 60)}"`}`;
}

const structural = new Set([
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "prefixItems",
  "anyOf",
  "oneOf",
  "allOf",
  "const",
  "enum",
  "$ref",
  "$defs",
]);

/** Without patterns, lengths and formats: the product checks these after it has trimmed and converted. */
function structureOf(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(structureOf);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([keyword]) => structural.has(keyword));
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (keyword === "properties" || keyword === "$defs")
        return [keyword, Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, structureOf(each)]))];
      if (["const", "enum", "required", "type", "$ref"].includes(keyword)) return [keyword, value as unknown];
      return [keyword === "oneOf" ? "anyOf" : keyword, structureOf(value)];
    }),
  );
}
