import { beforeAll, expect, test } from "vitest";
import { createIntake } from "../../src/intake/router";
import { toSchema } from "../../src/intake/json-schema";
import { routes } from "../../src/intake/routes";
import { answered } from "./calls";
import { createIntakeBench, type Tokens } from "./bench";

const bench = createIntakeBench();
const intake = createIntake(bench.deps);
const secret = "0123456789abcdef";
let own: Tokens;

beforeAll(async () => {
  own = await bench.tenant("own-host");
});

/** As it comes to a host that nothing is configured for. */
async function send(line: string, body: unknown, host = "jobs.own.example") {
  const [method = "", path = ""] = line.split(" ");
  const headers = { authorization: `Bearer ${own.admin}`, "content-type": "application/json" };
  return answered(await intake(new Request(`https://${host}${path}`, { method, headers, body: JSON.stringify(body) })));
}

const site = { platform: "prestashop", key: "A".repeat(32) };
const doors: [string, (url: string) => unknown, string][] = [
  ["PUT /v1/sites/shop", (url) => ({ ...site, url }), "url"],
  ["PUT /v1/destinations/erp", (url) => ({ url, secret, events: ["*"] }), "url"],
  ["PUT /v1/subscriptions/saas", (url) => ({ url, secret, events: ["*"] }), "url"],
  ["PUT /v1/connections/make", (url) => ({ provider: "make", url }), "url"],
  ["PUT /v1/connections/slack", (url) => ({ provider: "slack", url }), "url"],
  ["PUT /v1/connections/mail", (url) => ({ provider: "resend", baseUrl: url, apiKey: "re_1" }), "baseUrl"],
  ["PUT /v1/connections/crm", (url) => ({ provider: "hubspot", baseUrl: url, apiKey: "pat_1" }), "baseUrl"],
  ["PUT /v1/connections/models", (url) => ({ provider: "openai", baseUrl: url, apiKey: "sk_1", model: "m" }), "baseUrl"],
];

test.each(doors)("%s refuses the host that the request came to, under any port, and takes another", async (line, bodyOf, path) => {
  for (const url of ["https://jobs.own.example/x", "https://JOBS.own.example:8443/x"]) {
    const refused = await send(line, bodyOf(url));
    expect(refused.body).toMatchObject({ status: 422, errors: [{ path, message: "must not point back to this service" }] });
  }
  expect([200, 201]).toContain((await send(line, bodyOf("https://jobs.other.example/x"))).status);
});

test("a job, a batch and a schedule refuse it as the receiver of a webhook, and nowhere else", async () => {
  const payload = (url: string) => ({ url, body: { url: "https://jobs.own.example/only-data" } });
  const job = (url: string) => ({ type: "webhook", payload: payload(url) });
  expect((await send("POST /v1/jobs", job("https://jobs.own.example/v1/events"))).body).toMatchObject({ status: 422, errors: [{ path: "payload.url" }] });
  const batch = await send("POST /v1/jobs/batch", { jobs: [job("https://jobs.own.example/x"), job("https://jobs.other.example/x")] });
  expect(batch.body).toMatchObject({ rejected: [{ index: 0, errors: [{ path: "payload.url" }] }], accepted: 1 });
  expect((await send("POST /v1/jobs", job("https://jobs.other.example/x"))).status).toBe(202);
  const schedule = (url: string) => ({ ...job(url), cron: "0 5 * * *" });
  expect((await send("PUT /v1/schedules/s", schedule("https://jobs.own.example/x"))).body).toMatchObject({ errors: [{ path: "payload.url" }] });
  expect((await send("PUT /v1/schedules/s", schedule("https://jobs.other.example/x"))).status).toBe(201);
});

test.each([
  ["http://hooks.other.example/x", "must begin with https://"],
  ["https://10.0.0.7/x", "must have a public host: 10.0.0.7 is"],
  ["https://169.254.169.254/latest", "must have a public host"],
  ["https://hooks.other.example:22/x", "must use one of the ports"],
  ["https://user:secret@hooks.other.example/x", "must not hold a user name or password"],
])("a webhook to %s, which is never called, is refused at the door with what would be right", async (url, rule) => {
  const job = { type: "webhook", payload: { url, body: {} } };
  const issue = { path: "payload.url", message: expect.stringContaining(rule) };
  expect((await send("POST /v1/jobs", job)).body).toMatchObject({ status: 422, errors: [issue] });
  expect((await send("POST /v1/jobs/batch", { jobs: [job] })).body).toMatchObject({ accepted: 0, rejected: [{ index: 0, errors: [issue] }] });
  expect((await send("PUT /v1/schedules/s", { ...job, cron: "0 5 * * *" })).body).toMatchObject({ status: 422, errors: [issue] });
  const patched = await send("POST /v1/replays", { filter: { type: "webhook" }, patch: { url } });
  expect(patched.body).toMatchObject({ status: 422, errors: [{ ...issue, path: "patch.url" }] });
});

test("a patch of a replay cannot turn a webhook to it", async () => {
  const replay = (url: string) => send("POST /v1/replays", { filter: { type: "webhook" }, patch: { url } });
  expect((await replay("https://jobs.own.example/v1/events")).body).toMatchObject({ status: 422, errors: [{ path: "patch.url" }] });
  expect((await replay("https://jobs.other.example/x")).status).toBe(202);
});

test("every route whose settings hold an address refuses our own", () => {
  const holding = routes.filter(({ method, body }) => method === "PUT" && body && /"(?:url|baseUrl)":/.test(JSON.stringify(toSchema(body.schema))));
  const paths = ["/v1/connections/:name", "/v1/destinations/:name", "/v1/heartbeat", "/v1/sites/:site", "/v1/subscriptions/:name"];
  expect(holding.map(({ path }) => path).toSorted()).toEqual(paths);
  expect(holding.filter(({ body }) => !body?.outgoing)).toEqual([]);
});

test("no secret is taken that could be guessed or that a blank hides in", async () => {
  const { secret: _, ...hook } = { url: "https://jobs.other.example/x", events: ["*"], secret };
  const taking: [string, (secret: string) => unknown][] = [
    ["PUT /v1/sites/shop", (text) => ({ ...site, url: "https://jobs.other.example", webhook: { secret: text } })],
    ["PUT /v1/destinations/erp", (text) => ({ ...hook, secret: text })],
    ["PUT /v1/subscriptions/saas", (text) => ({ ...hook, secret: text })],
    ["PUT /v1/connections/make", (text) => ({ provider: "make", url: hook.url, secret: text })],
    ["PUT /v1/projects/homes", (text) => ({ domains: [], crmSecret: text })],
    ["PUT /v1/event-secret", (text) => ({ secret: text })],
  ];
  for (const [line, bodyOf] of taking) {
    for (const weak of ["x", " ", " ".repeat(20), "fifteen-letters", "with a blank in it all", "ö".repeat(20)]) {
      const answer = await send(line, bodyOf(weak));
      expect([answer.status, answer.body.errors?.[0]?.path.endsWith("ecret")], `${line} ${weak}`).toEqual([422, true]);
    }
    expect([200, 201], line).toContain((await send(line, bodyOf(secret))).status);
  }
});
