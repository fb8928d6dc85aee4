import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { createIntakeBench, root, type Tokens } from "./bench";

const bench = createIntakeBench();
let own: Tokens;

beforeAll(async () => {
  own = await bench.tenant("mailing");
  await bench.call("PUT", "/v1/templates/news", { token: root, tenant: "mailing", body: { subject: "News", text: "Hello {{ name }}" } });
});

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  bench.call(method, path, { token: own.admin, ...(body === undefined ? {} : { body }), headers });
const put = (id: string, list: string, type = "text/csv") => call("PUT", `/v1/campaigns/${id}/recipients`, list, { "content-type": type });
const create = async (more: object = {}) => String((await call("POST", "/v1/campaigns", { name: "News", templateId: "news", ...more })).body.id);

test("a campaign is made, given its recipients, started, paused, resumed and cancelled", async () => {
  const made = await call("POST", "/v1/campaigns", { name: "News", templateId: "news", ratePerMinute: 600, window: { from: "09:00", to: "18:00" } });
  expect(made).toMatchObject({ status: 201, body: { id: expect.stringMatching(/^[a-z0-9]{19}$/) } });
  const path = `/v1/campaigns/${made.body.id}`;
  expect(made.headers.get("location")).toBe(path);
  expect((await call("GET", path)).body).toMatchObject({ state: "draft", total: 0, queued: 0, templateVersion: null });
  expect((await call("POST", `${path}/start`)).body).toMatchObject({ status: 409, code: "conflict", detail: expect.stringContaining("recipients") });
  expect(await put(made.body.id, "email,name\nada@a.example,Ada\n")).toMatchObject({ status: 200, body: { accepted: 1, rejected: [] } });
  expect(await put(made.body.id, "email\nb@a.example\nc@a.example\nnone\n")).toMatchObject({
    status: 200,
    body: { accepted: 2, rejected: [{ line: 4, error: "the address must be one as ada@example.com or Ada <ada@example.com>" }] },
  });
  for (const [verb, state] of Object.entries({ start: "running", pause: "paused", resume: "running", cancel: "cancelled" })) {
    for (let twice = 0; twice < 2; twice++) {
      expect(await call("POST", `${path}/${verb}`)).toMatchObject({ status: 200, body: { id: made.body.id, state } });
    }
  }
  expect((await call("GET", path)).body).toMatchObject({ state: "cancelled", total: 2, queued: 0, cancelled: 2, templateVersion: 1 });
  expect(await put(made.body.id, "email\nb@a.example")).toMatchObject({ status: 409, body: { detail: expect.stringContaining("cancelled") } });
  expect((await call("POST", `${path}/pause`)).status).toBe(409);
  // Of three lists one object is left.
  expect((await env.PAYLOADS.list({ prefix: `_campaigns/mailing/${made.body.id}/` })).objects).toHaveLength(1);
});

test("the trace of the request that starts a campaign is that of its job", async () => {
  const id = await create();
  await put(id, "email\nada@a.example");
  const started = await call("POST", `/v1/campaigns/${id}/start`, undefined, { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
  expect(started.status).toBe(200);
  expect(bench.seen.requests.at(-1)).toMatchObject({ type: "campaign", payload: { campaign: id }, trace: "4bf92f3577b34da6a3ce929d0e0e4736-01" });
});

test("the list is read as what it says it is, in UTF-8, and rows are reported within the bounds of an answer", async () => {
  const id = await create();
  expect(await put(id, '{"to":"ada@a.example","name":"Ada"}\n', "application/x-ndjson; charset=utf-8")).toMatchObject({ status: 200, body: { accepted: 1 } });
  expect((await put(id, "email\nada@a.example", "application/json")).status).toBe(415);
  expect((await put(id, "email\nada@a.example", "text/csv; charset=latin1")).status).toBe(415);
  const zipped = { "content-type": "text/csv", "content-encoding": "gzip" };
  expect((await call("PUT", `/v1/campaigns/${id}/recipients`, "email\nada@a.example", zipped)).status).toBe(415);
  expect(await put(id, "name\nAda")).toMatchObject({ status: 422, body: { errors: [{ path: "line 1", message: expect.stringContaining("email") }] } });
  const bytes = new Uint8Array([...new TextEncoder().encode("email\n"), 0xff, 0xfe]);
  const broken = await bench.call("PUT", `/v1/campaigns/${id}/recipients`, { token: own.admin, body: bytes, headers: { "content-type": "text/csv" } });
  expect(broken).toMatchObject({ status: 400, body: { detail: "The list is not UTF-8." } });
  // What was there before is still there.
  expect((await call("GET", `/v1/campaigns/${id}`)).body.total).toBe(1);
  const many = await put(id, `email\n${"x\n".repeat(5000)}`);
  expect(many.body.accepted).toBe(0);
  expect(many.body.rejected.length + many.body.unlisted).toBe(5000);
  expect(many.text.length).toBeLessThan(2 * 10_006 + 20_000);
  expect((await call("POST", `/v1/campaigns/${id}/start`)).status).toBe(409);
});

test.each([
  [{ name: "" }, "name"],
  [{ templateId: "No" }, "templateId"],
  [{ ratePerMinute: 0 }, "ratePerMinute"],
  [{ window: { from: "9:00", to: "18:00" } }, "window.from"],
  [{ window: { from: "09:00", to: "09:00" } }, "window.to"],
  [{ window: { from: "09:00", to: "18:00", days: ["monday"] } }, "window.days[0]"],
  [{ extra: 1 }, "extra"],
])("%j is refused by its field", async (change, path) => {
  const answer = await call("POST", "/v1/campaigns", { name: "News", templateId: "news", ...change });
  expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } });
});

test("a template that is not there stops the start, and another tenant's campaign is not found", async () => {
  const id = await create({ templateId: "not-yet" });
  await put(id, "email\nada@a.example");
  expect(await call("POST", `/v1/campaigns/${id}/start`)).toMatchObject({ status: 409, body: { detail: expect.stringContaining("not-yet") } });
  const other = await bench.tenant("other-mailing");
  for (const [method, path] of [
    ["GET", ""],
    ["POST", "/start"],
    ["POST", "/cancel"],
    ["POST", "/acknowledge"],
    ["GET", "/recipients"],
  ] as const) {
    expect((await bench.call(method, `/v1/campaigns/${id}${path}`, { token: other.admin })).status).toBe(404);
  }
  const headers = { "content-type": "text/csv" };
  expect((await bench.call("PUT", `/v1/campaigns/${id}/recipients`, { token: other.admin, body: "email\nx@a.example", headers })).status).toBe(404);
  expect((await bench.call("GET", "/v1/campaigns", { token: other.admin })).body).toEqual({ campaigns: [], cursor: null });
});

test("the list of campaigns shows the newest first, page by page", async () => {
  const tenant = await bench.tenant("many-mailings");
  const ids: string[] = [];
  for (let n = 0; n < 3; n++)
    ids.push((await bench.call("POST", "/v1/campaigns", { token: tenant.admin, body: { name: `N${n}`, templateId: "news" } })).body.id);
  const first = await bench.call("GET", "/v1/campaigns?limit=2", { token: tenant.admin });
  const second = await bench.call("GET", `/v1/campaigns?limit=2&cursor=${first.body.cursor}`, { token: tenant.admin });
  const seen = [...first.body.campaigns, ...second.body.campaigns].map(({ id }: { id: string }) => id);
  expect(seen).toEqual(ids.toSorted().toReversed());
  expect(second.body.cursor).toBeNull();
});
