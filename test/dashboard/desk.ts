import { type Answers, answersOf, hostile } from "./answers";

/** Who may do what: a token, and the scopes that the interface answers for it. */
export interface Person {
  token: string;
  scopes: readonly string[];
  /** Null: the root token. */
  tenant: string | null;
}

export const people = {
  root: { token: "root-token", scopes: ["root"], tenant: null },
  admin: { token: "jy_admin", scopes: ["admin"], tenant: "demo" },
  operator: { token: "jy_operator", scopes: ["read", "operate"], tenant: "demo" },
  reader: { token: "jy_reader", scopes: ["read"], tenant: "demo" },
  sender: { token: "jy_sender", scopes: ["enqueue"], tenant: "demo" },
} satisfies Record<string, Person>;

export interface Call {
  method: string;
  path: string;
  query: Record<string, string>;
  tenant: string | null;
  body: unknown;
  key: string | null;
}

/** The public interface with canned answers, and a journal of what was asked. */
export interface FakeApi {
  calls: Call[];
  answers: Map<string, Answers[string]>;
  answer(request: Request): Promise<Response>;
}

export function createFakeApi(now: number, answers: Answers = answersOf({ rows: 3, text: hostile, now })): FakeApi {
  const api: FakeApi = { calls: [], answers: new Map(Object.entries(answers)), answer: (request) => answer(api, request) };
  return api;
}

async function answer(api: FakeApi, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const text = await request.text();
  const tenant = request.headers.get("jobyard-tenant");
  const call: Call = {
    method: request.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    tenant,
    body: text ? JSON.parse(text) : undefined,
    key: request.headers.get("idempotency-key"),
  };
  api.calls.push(call);
  const token = request.headers.get("authorization")?.slice("Bearer ".length);
  const person: Person | undefined = Object.values(people).find((each) => each.token === token);
  if (!person) return problem(401, "The token is not valid: it is unknown or revoked.");
  if (person.tenant !== null && tenant !== null && tenant !== person.tenant) return problem(403, "This token belongs to another tenant.");
  if (call.path === "/v1/me") return Response.json({ tenant: tenant ?? person.tenant, scopes: person.scopes, token: "t1" });
  const found = api.answers.get(`${call.method} ${call.path}`);
  if (found === undefined) return problem(404, `There is no ${call.method} ${call.path}.`);
  const value: unknown = typeof found === "function" ? (found as (query: unknown, body: unknown) => unknown)(call.query, call.body) : found;
  return value instanceof Response ? value : Response.json(value);
}

export function problem(status: number, detail: string): Response {
  return Response.json({ type: "urn:jobyard:problem", title: "refused", status, detail, code: "refused", errors: [] }, { status });
}

/** Seals nothing: other tests cover sealing. */
export const plainVault = {
  seal: async (tenant: string, name: string, text: string) => btoa(JSON.stringify([tenant, name, text])),
  open: async (tenant: string, name: string, sealed: string) => {
    const [forTenant, forName, text] = (/^[\w+/]+=*$/.test(sealed) && sealed.startsWith("WyI") ? JSON.parse(atob(sealed)) : []) as [string, string, string];
    return forTenant === tenant && forName === name ? { ok: true as const, text } : { ok: false as const };
  },
};
