import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { app } from "../../src/app";
import type { WorkerEnv } from "../../src/env";
import worker from "../../src/index";
import { openApi } from "../../src/intake/openapi";
import { type AnyRoute, openPath } from "../../src/intake/route";
import { routes } from "../../src/intake/routes";
import { queues } from "../../src/jobs/queues";
import { useAlone } from "./alone";
import { fuzz, mutated, nasty, type Schema, valueFor } from "./values";

/** The whole Worker over real stores. Nothing runs, and nothing leaves: its queues take every message and forget it. */
const metrics = { backlogCount: 0, backlogBytes: 0 };
const sink = { sendBatch: async () => ({ metadata: { metrics } }), metrics: async () => metrics };
const silent = Object.fromEntries(Object.values(queues).map(({ binding }) => [binding, sink]));
const fuzzed = { ...env, ...silent } as unknown as WorkerEnv;

/** Stands in everything that the other tenant has. */
const foreign = "zq-other-tenant-zq";
const document = openApi(routes, app(fuzzed).intake.registry.contracts()) as Schema;
const tokens: string[] = [];

useAlone(fuzzed);
beforeAll(async () => {
  await asRoot("PUT", "/v1/tenants/own", { name: "Own" });
  await asRoot("PUT", "/v1/tenants/other", { name: foreign });
  for (const tenant of ["own", "other"]) {
    const name = tenant === "own" ? "plain" : foreign;
    await asRoot("PUT", "/v1/templates/welcome", { subject: name, text: "Hello {{ name }}" }, tenant);
    await asRoot("PUT", "/v1/sites/demo", { platform: "prestashop", url: `https://${name}.example.com`, key: "KEYOFTHEWEBSERVICE0123456789ABCD" }, tenant);
    await asRoot("PUT", "/v1/projects/demo", { domains: [`${name}.example`], country: "DE" }, tenant);
    const job = await asRoot("POST", "/v1/jobs", { type: "email", payload: { to: `${name}@example.com`, subject: name, text: name } }, tenant);
    const campaign = await asRoot("POST", "/v1/campaigns", { name, templateId: "welcome" }, tenant);
    if (tenant === "own") Object.assign(ids, { job: job.id, campaign: campaign.id });
    else Object.assign(ids, { otherJob: job.id, otherCampaign: campaign.id });
    await asRoot("PUT", "/v1/schedules/demo", { type: "email", payload: { to: `${name}@example.com`, templateId: "welcome" }, cron: "0 7 * * 1" }, tenant);
  }
  const scopes = ["enqueue", "read", "leads", "operate", "work", "admin"];
  for (const each of [scopes, ["read"], ["enqueue"]])
    tokens.push(String((await asRoot("POST", "/v1/tenants/own/tokens", { name: "fuzz", scopes: each }))["token"]));
});

async function asRoot(method: string, path: string, body: unknown, tenant?: string): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${env.ROOT_TOKEN}`, ...(tenant ? { "jobyard-tenant": tenant, "idempotency-key": "1" } : {}) };
  const answer = await call(new Request(`https://jobs.example.com${path}`, { method, headers, body: JSON.stringify(body) }));
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
  return JSON.parse(answer.text || "{}");
}

async function call(request: Request): Promise<{ status: number; type: string; text: string }> {
  const response = await (worker.fetch as (request: Request, env: WorkerEnv) => Promise<Response>)(request, fuzzed);
  return { status: response.status, type: response.headers.get("content-type") ?? "", text: await response.text() };
}

const otherTypes = [
  "application/json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/csv",
  "application/xml",
  "",
];

/** By the word before a parameter of a path: values that it takes. `job` and `campaign` stand for ids that are made before. */
const known: Record<string, readonly string[]> = {
  tenants: ["own", "fresh"],
  connections: ["mail", "slack", "crm", "make", "models"],
  templates: ["welcome"],
  suppressions: ["a@example.com"],
  agents: ["content-management"],
  types: ["email", "image", "remote-demo"],
  queues: ["email-sending", "deliveries"],
  gates: ["mail", "make"],
  destinations: ["slack", "crm", "store", "analytics"],
  jobs: ["job", "job", "otherJob"],
  work: ["job", "otherJob"],
  "dead-letters": ["job"],
  campaigns: ["campaign", "otherCampaign"],
  media: ["a.png"],
  "alert-rules": ["dead-letters", "stuck"],
};
const ids: Record<string, string> = {};

/** What no parameter takes, and what belongs to the other tenant. */
const odd = fc.constantFrom("other", "%00", "%ff", "..%2f..", "a".repeat(300), "%F0%9F%98%80", "*", "x", "01m809thay2d0gx3p8rzhr8hvjq7wjx671");

function wordsFor({ path }: AnyRoute): fc.Arbitrary<string>[] {
  const segments = path.split("/");
  return segments.flatMap((segment, index) => {
    if (!segment.startsWith(":")) return [];
    const taken = segment.startsWith(":tenant") && segments[2] !== "tenants" ? ["own"] : (known[segments[index - 1] ?? ""] ?? ["demo"]);
    return [fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...taken) }, { weight: 1, arbitrary: odd })];
  });
}

const oddQuery = fc.constantFrom("", "0", "201", "-1", "1e9", "2026-01-01", "NaN", "%", "a\u0000", "state:done", "'", "x".repeat(300));

function queryOf(route: AnyRoute): fc.Arbitrary<string> {
  const operation = (document["paths"][openPath(route.path)] as Schema)[route.method.toLowerCase()] as Schema;
  const parameters = ((operation["parameters"] ?? []) as Schema[]).filter((each) => each["in"] === "query");
  const one = ({ name, schema }: Schema) =>
    fc.tuple(fc.constant(String(name)), fc.oneof({ weight: 3, arbitrary: valueFor(schema, document).map(String) }, { weight: 1, arbitrary: oddQuery }));
  const unknown = fc.tuple(fc.constant("unknown"), oddQuery);
  const several = fc.uniqueArray(fc.oneof(...parameters.map(one), ...(parameters.length > 0 ? [] : [unknown])), { maxLength: 2, selector: ([name]) => name });
  return fc
    .oneof({ weight: 1, arbitrary: fc.constant<string[][]>([]) }, { weight: parameters.length, arbitrary: several })
    .map((pairs) => `?${new URLSearchParams(pairs)}`);
}

function bodyOf(route: AnyRoute): fc.Arbitrary<unknown> {
  const operation = (document["paths"][openPath(route.path)] as Schema)[route.method.toLowerCase()] as Schema;
  const content = operation["requestBody"]?.["content"] as Schema | undefined;
  const media = content && (Object.values(content)[0] as Schema);
  if (!media) return nasty;
  const valid = valueFor(media["schema"] ?? {}, document);
  const examples = media["example"] === undefined ? [] : [{ weight: 2, arbitrary: mutated(fc.constant(media["example"])) }];
  return fc.oneof({ weight: 3, arbitrary: mutated(valid) }, { weight: 1, arbitrary: nasty }, ...examples);
}

/** Wire text of a body: mostly JSON, sometimes cut or no JSON at all. */
function wire(route: AnyRoute): fc.Arbitrary<string> {
  const json = bodyOf(route).map((value) => JSON.stringify(value) ?? "");
  const cut = fc.tuple(json, fc.nat({ max: 200 })).map(([text, length]) => text.slice(0, length));
  const csv = fc.array(fc.string({ unit: "binary", maxLength: 20 }), { maxLength: 6 }).map((lines) => `email,name\n${lines.join("\n")}`);
  return fc.oneof(
    { weight: 8, arbitrary: json },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: csv },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  );
}

describe("whatever is sent, the answer is one that can be read", () => {
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", async (_line, route) => {
    const names = [...route.path.matchAll(/:(\w+)\+?/g)].map(([name]) => name);
    const media = route.body?.media ?? ["application/json"];
    const anyRequest = fc.record({
      words: fc.tuple(...wordsFor(route)),
      query: queryOf(route),
      body: wire(route),
      type: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...media) }, { weight: 1, arbitrary: fc.constantFrom(...otherTypes) }),
      token: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 2),
      key: fc.option(
        fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\x21-\x7e]/g, "k")),
        { freq: 5 },
      ),
    });
    let address = 0;
    const ask = async ({ words, query, body, type, token, key }: typeof anyRequest extends fc.Arbitrary<infer T> ? T : never) => {
      const path = names.reduce((text, name, index) => text.replace(name, ids[words[index] ?? ""] ?? words[index] ?? "x"), route.path);
      const authorization = `Bearer ${route.scope === "root" ? env.ROOT_TOKEN : tokens[token]}`;
      // Each by a caller of its own: too many refusals of one would be all that is seen.
      const from = `2001:db8:${(address++).toString(16)}::1`;
      const headers = { authorization, "content-type": type, "cf-connecting-ip": from, ...(key ? { "idempotency-key": key } : {}) };
      const withBody = route.method !== "GET" && body !== "";
      const answer = await call(new Request(`https://jobs.example.com${path}${query}`, { method: route.method, headers, ...(withBody ? { body } : {}) }));
      expect(answer.status, answer.text).toBeLessThan(500);
      if (route.scope !== "root") expect(answer.text).not.toContain(foreign);
      expect(answer.text).not.toMatch(/\n\s+at \S+ \(|D1_ERROR|SQLITE/);
      expect(answer.text.length).toBeLessThanOrEqual(route.method === "GET" ? 2_000_000 : 2 * body.length + 20_000);
      if (answer.status >= 400 && answer.type.includes("json"))
        expect(JSON.parse(answer.text)).toMatchObject({ status: answer.status, code: expect.any(String), detail: expect.any(String) });
    };
    await fc.assert(fc.asyncProperty(anyRequest, ask), { numRuns: fuzz.runs, seed: fuzz.seed });
  });
});
