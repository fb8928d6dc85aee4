import type * as v from "valibot";
import { Problem } from "../errors";
import { allows, type TokenScope } from "../tenants/token";
import type { IntakeDeps } from "./deps";

/** `public`: no token is needed. `token`: any valid token. `root`: the root token only; it passes every other scope as well. */
export type RouteScope = TokenScope | "root" | "public" | "token";

/**
 * The tenant whose data a route uses:
 * - `own`: the tenant of the token; the root token names one in `Jobyard-Tenant`.
 * - `path`: the tenant in the path; a token of another tenant is refused.
 * - `any`: as `own`, but the root token without the header looks at all tenants (null).
 * - `none`: no tenant's data.
 */
export type TenantMode = "own" | "path" | "any" | "none";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One line of the table of routes: routing, authorisation, validation, the OpenAPI document and the tests are made from it. */
interface Route<Mode extends TenantMode = TenantMode, Body = unknown, Query = unknown> {
  method: Method;
  /** `/v1/jobs/:id`; each parameter matches `[a-z0-9-]{1,63}`, unless `params` has another pattern; `:key+` takes the rest of the path, slashes included. */
  path: string;
  /** Unique; the operationId. */
  name: string;
  summary: string;
  /** Details beyond the summary, for OpenAPI and docs/http.md. `docs/mail.md#providers` becomes a link there. */
  description?: string;
  scope: RouteScope;
  tenant: Mode;
  /** Fields of the body that need another scope than the route, because they show or redirect personal data. */
  fieldScopes?: Readonly<Record<string, TokenScope>>;
  /** Patterns of path parameters that are not plain names; matched after percent-decoding. */
  params?: Readonly<Record<string, PathPattern>>;
  /** A PUT that creates nothing: a name that cannot exist is 404, as for GET; 422 is for a bad body. */
  changesOnly?: true;
  query?: v.GenericSchema<any, Query>; // eslint-disable-line -- variance: any input
  body?: BodyRule<Body>;
  headers?: Readonly<Record<string, string>>;
  /** Successful answers by status; null has no body, a text is a media type other than JSON. */
  answers: Readonly<Record<number, v.GenericSchema | null | string>>;
  /** Media types that an answer of 200 may have instead. */
  otherMedia?: readonly string[];
  /** When the answer to a success has no body. */
  emptyWhen?: string;
  /** CORS headers of every answer under this path, refusals and OPTIONS included. Never throws. */
  crossOrigin?(deps: IntakeDeps, request: Request, params: Readonly<Record<string, string>>): Promise<Record<string, string>>;
  /** Refusals of its own, besides those every route has. */
  problems?: readonly number[];
  handle(call: RouteCall<Mode, Body, Query>): Promise<RouteAnswer>;
  /** A refusal in another shape than problem+json; undefined keeps that. */
  refusal?(problem: Problem, request: Request): RouteAnswer | undefined;
}

export interface PathPattern {
  pattern: RegExp;
  /** The issue for a parameter that does not match. */
  message: string;
}

export interface BodyRule<Body> {
  schema: v.GenericSchema<any, Body>; // eslint-disable-line -- variance: any input
  /** The schema for these path parameters, where the path decides it; `schema` is then the union. */
  schemaFor?: (params: Readonly<Record<string, string>>) => v.GenericSchema<any, Body>; // eslint-disable-line -- variance: any input
  /** Bytes. */
  limit: number;
  /** A missing body means an empty object. */
  optional?: true;
  /** Enqueue checks depth and texts of each payload, so that one bad job does not refuse its whole batch. */
  jsonCheckedLater?: true;
  /** The handler reads the body, because headers or a signature decide its form; the schema only describes it. */
  readByHandler?: true;
  /** The body has addresses that will be called: the Worker's own host is refused. */
  outgoing?: true;
  /** Accepted media types. Default: JSON. */
  media?: readonly string[];
}

/** A route of any types. */
export type AnyRoute = Route<any, any, any>; // eslint-disable-line -- each handler is checked where its route is written

export interface RouteCall<Mode extends TenantMode = TenantMode, Body = unknown, Query = unknown> {
  request: Request;
  requestId: string;
  deps: IntakeDeps;
  caller: Caller;
  tenant: TenantOf<Mode>;
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
  /** Characters of the body; 0 where the handler reads it, or there is none. */
  bodyLength: number;
}

type TenantOf<Mode> = Mode extends "own" | "path" ? string : Mode extends "any" ? string | null : null;

export type Caller =
  | { kind: "root" }
  /** `types`: what its scope `work` is bound to; undefined: all types. */
  | { kind: "token"; tenant: string; tokenId: string; scopes: readonly TokenScope[]; types?: readonly string[] | undefined }
  | { kind: "anybody" };

/** `body` becomes JSON; `text` is sent as it is. */
export interface RouteAnswer {
  status: number;
  body?: unknown;
  text?: string | ReadableStream<Uint8Array>;
  headers?: Readonly<Record<string, string>>;
}

/** Ties the types of one route together. The first argument is method and path: `GET /v1/jobs/:id`. Default of `tenant`: `own`. */
export function route<Mode extends TenantMode = "own", Body = undefined, Query = undefined>(
  line: `${Method} /${string}`,
  definition: Omit<Route<Mode, Body, Query>, "method" | "path" | "tenant"> & { tenant?: Mode },
): AnyRoute {
  const [method, path = ""] = line.split(" ");
  return { tenant: "own", ...definition, method: method as Method, path };
}

/** The path as OpenAPI writes it. */
export function openPath(path: string): string {
  return path.replaceAll(/:(\w+)\+?/g, "{$1}");
}

/** Whether a caller may use a route of this scope. */
export function permits(caller: Caller, scope: RouteScope): boolean {
  if (scope === "public" || caller.kind === "root") return true;
  return caller.kind === "token" && scope !== "root" && (scope === "token" || allows(caller.scopes, scope));
}

/** Throws `forbidden` when the body has a field that needs another scope than the caller's token has. */
export function checkFieldScopes(caller: Caller, { fieldScopes = {} }: Pick<AnyRoute, "fieldScopes">, body: unknown): void {
  if (typeof body !== "object" || body === null) return;
  for (const [field, scope] of Object.entries(fieldScopes)) {
    if (Object.hasOwn(body, field) && !permits(caller, scope)) throw new Problem("forbidden", `The field "${field}" needs the scope "${scope}".`);
  }
}

/** The caller's name in an audit row. */
export function actorOf(caller: Caller): string {
  return caller.kind === "token" ? caller.tokenId : caller.kind;
}

/** A parameter of the path that the route's pattern guarantees. */
export function param(call: { params: Readonly<Record<string, string>> }, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new Error(`the route has no parameter "${name}"`);
  return value;
}
