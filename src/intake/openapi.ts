import { type Code, codes } from "../errors";
import type { Contract } from "../queue/job";
import { tokenScopes } from "../tenants/token";
import { tenantHeader } from "./auth";
import { apiDescription, parameterText, tagOf, tagsOf } from "./about";
import { byName, namedSchemas } from "./components";
import { examples } from "./examples";
import { bodySchema, jobRequestSchemas } from "./job-requests";
import { type JsonSchema, toSchema } from "./json-schema";
import { type AnyRoute, openPath } from "./route";

/** The version of the interface, as in the path `/v1`. */
const version = "1.0.0";
const namePattern = "^[a-z0-9-]{1,63}$";
const tooLarge = 413;
/** Refusals of workers' calls alone. */
const workCodes: readonly string[] = ["type-not-allowed", "pull-id-reused", "lease-lost", "already-settled", "uncertain", "ended", "gone"] satisfies Code[];
const workStatuses = [403, 409, 410];
const wrongType = 415;

/** The OpenAPI 3.1 document of a table of routes. Schemas are those that validate; payloads come from the types' contracts. */
export function openApi(table: readonly AnyRoute[], contracts: readonly Contract[]): JsonSchema {
  const paths: Record<string, JsonSchema> = {};
  for (const route of table) {
    const path = openPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.1",
    info: { title: "Jobyard", version, description: apiDescription, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    tags: tagsOf(table),
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: `The root token, or a tenant's with scopes of: ${tokenScopes.join(", ")}` } },
      schemas: { Problem: problemSchema, ...jobRequestSchemas(contracts), ...namedSchemas() },
      responses: problemResponses(),
    },
  };
}

function operation(route: AnyRoute): JsonSchema {
  return {
    operationId: route.name,
    summary: route.summary,
    tags: [tagOf(route.path)],
    "x-scope": route.scope,
    ...(route.fieldScopes ? { "x-field-scopes": route.fieldScopes } : {}),
    ...(route.scope === "public" ? { security: [] } : {}),
    description: descriptionOf(route),
    ...listed("parameters", [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)]),
    ...(route.body ? { requestBody: { required: route.body.optional !== true, content: contentOf(route.name, route.body) } } : {}),
    responses: { ...answers(route), ...problems(route) },
  };
}

function contentOf(name: string, { schema, media = ["application/json"] }: NonNullable<AnyRoute["body"]>): JsonSchema {
  const contents = media.map((type) => {
    const example = examples[`${name} ${type}`] ?? examples[name];
    return [type, { schema: schemaOf(type, bodySchema(schema)), ...(example === undefined ? {} : { example }) }] as const;
  });
  return Object.fromEntries(contents);
}

/** The body as its media type has it: text, or a list of what the other types have one of. */
function schemaOf(type: string, schema: JsonSchema): JsonSchema {
  if (type.startsWith("text/")) return { type: "string", description: schema["description"] };
  return type.endsWith("-batch+json") ? { type: "array", items: schema } : schema;
}

function pathParameters(route: AnyRoute): JsonSchema[] {
  return [...route.path.matchAll(/:(\w+)\+?/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    description: parameterText(openPath(route.path), name ?? ""),
    schema: { type: "string", pattern: route.params?.[name ?? ""]?.pattern.source ?? namePattern },
  }));
}

function queryParameters(route: AnyRoute): JsonSchema[] {
  if (!route.query) return [];
  const { properties = {}, required = [] } = toSchema(route.query) as { properties?: Record<string, JsonSchema>; required?: string[] };
  return Object.entries(properties).map(([name, { described, ...given }]) => {
    const { description = parameterText("", name), ...schema } = (described ?? given) as JsonSchema;
    return { name, in: "query", required: required.includes(name), ...(description ? { description } : {}), schema };
  });
}

function headerParameters(route: AnyRoute): JsonSchema[] {
  const own = Object.entries(route.headers ?? {}).map(([name, description]) => ({ name, in: "header", description, schema: { type: "string" } }));
  if (route.tenant !== "own" && route.tenant !== "any") return own;
  const description = route.tenant === "own" ? "The tenant that the root token acts for" : "The tenant that the root token acts for; without it, all";
  return [...own, { name: tenantHeader, in: "header", description, schema: { type: "string", pattern: namePattern } }];
}

function answers(route: AnyRoute): JsonSchema {
  const entries = Object.entries(route.answers).map(([status, shape]) => {
    if (shape === null) return [status, { description: "Done" }];
    const content = typeof shape === "string" ? { [shape]: { schema: { type: "string" } } } : json(byName(shape) ?? toSchema(shape, byName));
    const others = status === "200" ? (route.otherMedia ?? []) : [];
    const description = `${status === "202" ? "Accepted" : "Done"}${route.emptyWhen ? `; without a body ${route.emptyWhen}` : ""}`;
    return [status, { description, content: { ...content, ...Object.fromEntries(others.map((type) => [type, {}])) } }];
  });
  return Object.fromEntries(entries) as JsonSchema;
}

function problems(route: AnyRoute): JsonSchema {
  const body = route.body ? [400, tooLarge, wrongType] : [];
  const token = route.scope === "public" ? [] : [401, 403, 503];
  const found = route.path.includes(":") || token.length > 0 ? [404] : [];
  const statuses = new Set([...body, ...token, ...found, 405, 422, 500, ...(route.problems ?? [])]);
  const nameOf = (status: number) => `${tagOf(route.path) === "work" && workStatuses.includes(status) ? "WorkProblem" : "Problem"}${status}`;
  return Object.fromEntries([...statuses].sort().map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }]));
}

/** A response for each status of a refusal, with its codes; those of workers' calls have further ones. */
function problemResponses(): JsonSchema {
  const all = Object.entries(codes);
  const others = all.filter(([code]) => !workCodes.includes(code));
  const ofWork = all.filter(([, { status }]) => workStatuses.includes(status));
  return { ...responsesOf("Problem", others), ...responsesOf("WorkProblem", ofWork) };
}

function responsesOf(prefix: string, refusals: readonly [code: string, { status: number; title: string }][]): JsonSchema {
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const byStatus = [...Map.groupBy(refusals, ([, { status }]) => status)];
  return Object.fromEntries(
    byStatus.map(([status, entries]) => {
      const description = entries.map(([code, { title }]) => `${title} (\`${code}\`)`).join(", or: ");
      return [`${prefix}${status}`, { description, content, ...headersOf(status) }];
    }),
  );
}

function headersOf(status: number): JsonSchema {
  const names: Record<number, string> = { 401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After" };
  const name = names[status];
  return name ? { headers: { [name]: { schema: { type: "string" } } } } : {};
}

const problemSchema = {
  type: "object",
  description: "RFC 9457",
  required: ["type", "title", "status", "detail", "code", "errors"],
  properties: {
    type: { type: "string", format: "uri" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", enum: Object.keys(codes) },
    instance: { type: "string" },
    requestId: { type: "string" },
    state: { type: "string", description: "Of a worker's call: the job's state" },
    since: { type: "integer", description: "Of an uncertain effect: when it was begun, in milliseconds since 1970" },
    errors: {
      type: "array",
      items: { type: "object", required: ["path", "message"], properties: { path: { type: "string" }, message: { type: "string" } } },
    },
  },
};

function descriptionOf(route: AnyRoute): string {
  return [route.description ?? "", scopeText(route)].filter((each) => each !== "").join("\n\n");
}

function scopeText(route: AnyRoute): string {
  const fields = Object.entries(route.fieldScopes ?? {}).map(([field, scope]) => ` The field \`${field}\` needs \`${scope}\`.`);
  if (route.scope === "public") return "Needs no token.";
  if (route.scope === "token") return "Needs a token of any scope.";
  if (route.scope === "root") return "Needs the root token.";
  return `Needs the scope \`${route.scope}\`${route.scope === "admin" ? "" : ", or `admin`"}.${fields.join("")}`;
}

function json(schema: JsonSchema): JsonSchema {
  return { "application/json": { schema } };
}

function listed(name: string, items: readonly JsonSchema[]): JsonSchema {
  return items.length > 0 ? { [name]: items } : {};
}
