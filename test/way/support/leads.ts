import type { Answer, Api } from "./api.ts";
import { expectOk } from "./api.ts";
import type { Way } from "./harness.ts";

/** A tenant that takes leads for one project and forwards them to a hook of its own in the sandbox. */
export interface Agency {
  api: Api;
  /** A form as a server of the tenant sends it. */
  post(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A form as a browser sends it without a script, from one of the project's pages. */
  submit(fields: Record<string, string>, headers?: Record<string, string>): Promise<Answer>;
  /** Leads and submissions in the database. */
  stored(): Promise<{ leads: number; submissions: number }>;
  /** When Make.com accepted each submission, by its id: milliseconds of the Worker's clock, the first time first. */
  accepted(): Promise<Map<string, number[]>>;
  /** How often it did. */
  forwarded(): Promise<Map<string, number>>;
}

/** Other tests cover what follows from events; these destinations have no effect outside. */
const silent = ["store", "analytics", "follow-up"];

export async function openAgency(way: Way, tenant: string, settings: object = {}): Promise<Agency> {
  const api = await way.tenant(tenant);
  await expectOk(api.ask("DELETE", "/v1/connections/mail"));
  for (const name of silent) await expectOk(api.ask("PUT", `/v1/destinations/${name}`, { body: { enabled: false } }));
  await expectOk(api.ask("PUT", "/v1/connections/make", { body: { provider: "make", url: `${way.sandbox.url}/make/${tenant}` } }));
  const { body: project } = await expectOk(api.ask("PUT", "/v1/projects/homes", { body: { domains: ["homes.example"], country: "DE", ...settings } }));
  const path = `/v1/leads/${tenant}/homes`;
  const { siteKey, formId, apiKey } = project as Record<"siteKey" | "formId" | "apiKey", string>;
  const count = async (table: string) => (await way.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE tenant = ?`, tenant))[0]?.n ?? 0;
  const accepted = async () => {
    const calls = await way.sandbox.calls(`?path=/make/${tenant}&limit=10000`);
    const taken = Map.groupBy(
      calls.filter(({ status }) => status === 200),
      ({ headers }) => headers["webhook-id"] ?? "",
    );
    return new Map([...taken].map(([id, all]) => [id, all.map(({ at }) => Date.parse(at)).toSorted((one, other) => one - other)]));
  };
  return {
    api,
    accepted,
    post: (body, headers = {}) => api.ask("POST", path, { body, headers: { "x-api-key": apiKey, accept: "application/json", ...headers } }),
    submit: (fields, headers = {}) =>
      api.ask("POST", path, {
        body: new URLSearchParams({ siteKey, formId, ...fields }).toString(),
        headers: { "content-type": "application/x-www-form-urlencoded", origin: "https://homes.example", accept: "text/html", ...headers },
      }),
    stored: async () => ({ leads: await count("leads"), submissions: await count("lead_submissions") }),
    forwarded: async () => new Map([...(await accepted())].map(([id, times]) => [id, times.length])),
  };
}

/** So many at a time. */
export async function sideBySide<T>(by: number, count: number, one: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const indexes = Array.from({ length: count }, (_, index) => index).values();
  const lane = async () => {
    for (const index of indexes) results[index] = await one(index);
  };
  await Promise.all(Array.from({ length: by }, lane));
  return results;
}
