import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { storeSubmission } from "../../src/domain/leads/store";
import { lead } from "../../src/jobs/lead/job";
import { createIntakeBench, type Tokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
const path = "/v1/leads/forms/homes";
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("forms");
  other = await bench.tenant("forms-other");
  await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: { domains: ["homes.example"], crmSecret: "crm-secret-of-tests" } });
});
beforeEach(() => {
  bench.seen.audits.length = 0;
});

describe("the CRM's callback", () => {
  const report = (body: unknown, headers: Record<string, string> = { authorization: "Bearer crm-secret-of-tests" }) =>
    bench.call("POST", `${path}/crm-callback`, { body, headers });

  test("needs the secret, and one must be set", async () => {
    expect((await report({ crm_lead_id: "c1" }, {})).status).toBe(401);
    expect((await report({ crm_lead_id: "c1" }, { authorization: "Bearer wrong" })).status).toBe(401);
    await bench.call("PUT", "/v1/projects/mute", { token: own.admin, body: { domains: [] } });
    expect((await bench.call("POST", "/v1/leads/forms/mute/crm-callback", { body: {} })).status).toBe(401);
    expect((await bench.call("POST", "/v1/leads/forms/nothing/crm-callback", { body: {} })).status).toBe(401);
  });

  test("of an unknown lead is fine and stored nowhere; of nothing is refused", async () => {
    expect((await report({ crm_lead_id: "nobody" })).body).toMatchObject({ ok: true, stored: false });
    for (const body of [{}, { status: "won" }, { lead_id: "crm1" }, { crm_lead_id: null }, { crm_lead_id: "" }, []])
      expect((await report(body)).body, JSON.stringify(body)).toMatchObject({ status: 400, errors: [{ path: "crm_lead_id", message: "is missing" }] });
    expect((await report({ crm_lead_id: 1.5 })).body).toMatchObject({ status: 422, errors: [{ path: "crm_lead_id" }] });
    expect((await report("{")).status).toBe(400);
  });

  test("ties the CRM's id to ours, and later reports find the lead by it", async () => {
    await storeSubmission(env.DB, {
      tenant: "forms",
      id: "crm1",
      at: now,
      submission: v.parse(lead.payload, { project: "homes", contact: { email: "crm@example.com" } }),
      reengageHours: 24,
    });
    expect((await report({ crm_lead_id: 77, lead_id: "crm1", event_type: "created" }, { "x-api-key": "crm-secret-of-tests" })).body).toEqual({
      ok: true,
      stored: true,
      lead_id: "crm1",
    });
    expect((await report({ crmLeadId: "77", status: "won" })).body).toMatchObject({ stored: true, lead_id: "crm1" });
    const answers = [await report({ crm_lead_id: 78, lead_id: "crm1" }), await report({ crm_lead_id: "77", event_type: "status_changed" })];
    expect(answers.map(({ body }) => body)).toMatchObject([{ stored: true }, { stored: true, lead_id: "crm1" }]);
    const { body } = await bench.call("GET", "/v1/leads/crm1", { token: own.leads });
    expect(body).toMatchObject({
      crmId: "78",
      activity: expect.arrayContaining([expect.objectContaining({ type: "created" }), expect.objectContaining({ type: "updated" })]),
    });
  });
});

describe("reading", () => {
  beforeAll(async () => {
    const contact = { email: "read@example.com", name: "=1+1", phone: "+493012345678", phoneKey: "+493012345678", visitorId: "reader" };
    for (const id of ["read1", "read2"])
      await storeSubmission(env.DB, { tenant: "forms", id, at: now, submission: v.parse(lead.payload, { project: "reading", contact }), reengageHours: 24 });
  });

  test("lists what the design says, to the scope leads only", async () => {
    const { body } = await bench.call("GET", "/v1/leads?project=reading", { token: own.leads });
    expect(body).toEqual({
      leads: [
        {
          id: "read1",
          project: "reading",
          email: "read@example.com",
          phone: "+493012345678",
          name: "=1+1",
          visitorId: "reader",
          score: 0,
          label: "Cold",
          suspicion: 10,
          suspicionReasons: ["2 submissions in 24 h"],
          test: false,
          bot: false,
          submissions: 2,
          crmId: null,
          createdAt: "2026-10-01T12:00:00.000Z",
          updatedAt: "2026-10-01T12:00:00.000Z",
        },
      ],
      cursor: null,
    });
    expect((await bench.call("GET", "/v1/leads", { token: own.read })).status).toBe(403);
    const search = (body: unknown, token = own.leads, path = "search") => bench.call("POST", `/v1/leads/${path}`, { token, body });
    const listed = await bench.call("GET", "/v1/leads?project=reading&limit=2", { token: own.leads });
    expect((await search({ project: "reading", limit: 2 })).body).toEqual(listed.body);
    expect((await search({}, own.read)).status).toBe(403);
    expect((await search({ q: "a@b.example", from: "2026-02-01", to: "2026-01-01" })).body.errors).toMatchObject([{ path: "from" }]);
    expect((await search({ limit: 201 })).body.errors).toMatchObject([{ path: "limit" }]);
    const exported = await bench.call("GET", "/v1/leads/export?project=reading", { token: own.leads });
    expect((await search({ project: "reading" }, own.leads, "export")).text).toBe(exported.text);
    const wrong = await bench.call("GET", "/v1/leads?from=2026-02-01&to=2026-01-01", { token: own.leads });
    expect(wrong.body).toMatchObject({ status: 422, errors: [{ path: "from" }] });
    expect((await bench.call("GET", "/v1/leads?project=reading", { token: other.admin })).body.leads).toEqual([]);
  });

  test("shows one lead with its submissions, by any of their ids, to its tenant alone", async () => {
    const { body } = await bench.call("GET", "/v1/leads/read2", { token: own.leads });
    expect(body).toMatchObject({
      id: "read1",
      submissions: [
        { id: "read2", follow: "none" },
        { id: "read1", follow: "new" },
      ],
      jobs: expect.any(Array),
      effects: expect.any(Array),
    });
    expect((await bench.call("GET", "/v1/leads/read1", { token: other.admin })).status).toBe(404);
  });

  test("exports CSV that no spreadsheet runs", async () => {
    const { text, headers } = await bench.call("GET", "/v1/leads/export?project=reading", { token: own.leads });
    expect(headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(text.split("\r\n")[0]).toContain("id,project,name,email");
    expect(text).toContain(`"'=1+1"`);
    expect(text.trim().split("\r\n")).toHaveLength(2);
  });

  test("forgets a person on demand, and only when asked for one", async () => {
    const erase = (body: unknown, token = own.admin) => bench.call("POST", "/v1/leads/erase", { token, body });
    expect((await erase({})).status).toBe(422);
    expect((await erase({ email: "a@example.com", phone: "+49301234567" })).status).toBe(422);
    expect((await erase({ email: "nobody" })).body).toMatchObject({ status: 422, errors: [{ path: "email" }] });
    expect((await erase({ email: "read@example.com" }, own.leads)).status).toBe(403);
    expect((await erase({ email: "read@example.com" }, other.admin)).body).toMatchObject({ leads: 0 });
    expect((await erase({ email: "read@example.com" })).body).toMatchObject({ leads: 1, submissions: 2 });
    expect(bench.seen.audits).toMatchObject([{ action: "erase", target: "email" }, { action: "erase" }]);
    expect((await bench.call("GET", "/v1/leads/read1", { token: own.leads })).status).toBe(404);
  });
});
