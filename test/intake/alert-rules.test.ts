import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { type AlertRule, causeOf, wants } from "../../src/domain/alerts/rule";
import { rulesShape } from "../../src/intake/routes/alerts";
import { createIntakeBench, root, type Tokens } from "./bench";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("rules-own");
  other = await bench.tenant("rules-other");
});

const put = (name: string, body: unknown, token = own.admin) => bench.call("PUT", `/v1/alert-rules/${name}`, { token, body });

describe("alert rules", () => {
  test("are kept, listed and removed, each tenant its own", async () => {
    const made = await put("night", { codes: ["circuit-open", "stuck"], minSeverity: "critical", email: ["ops@example.com"] });
    expect(made).toMatchObject({ status: 200, body: { name: "night", codes: ["circuit-open", "stuck"], slack: false, enabled: true } });
    expect((await bench.call("GET", "/v1/alert-rules", { token: own.admin })).body.rules).toHaveLength(1);
    expect((await bench.call("GET", "/v1/alert-rules", { token: other.admin })).body.rules).toEqual([]);
    expect((await bench.call("GET", "/v1/alert-rules/night", { token: other.admin })).status).toBe(404);
    expect((await bench.call("GET", "/v1/alert-rules/night", { token: own.read })).status).toBe(403);
    expect((await bench.call("DELETE", "/v1/alert-rules/night", { token: other.admin })).status).toBe(404);
    expect((await bench.call("DELETE", "/v1/alert-rules/night", { token: own.admin })).status).toBe(204);
  });

  test.each([
    [{}, "channel"],
    [{ slack: false }, "channel"],
    [{ slack: true, codes: [] }, "codes"],
    [{ slack: true, codes: ["nothing"] }, "codes"],
    [{ slack: true, minSeverity: "loud" }, "minSeverity"],
    [{ email: ["no address"] }, "email"],
    [{ email: ["a@example.com, b@example.com"] }, "email"],
    [{ slack: true, more: 1 }, "more"],
  ])("refuse %j", async (body, sentence) => {
    const answer = await put("x", body);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(sentence);
  });

  test("name destinations and types that there are: a typing error would never be noticed", async () => {
    const unknown = await put("hooks", { destination: "pgaer", types: ["email", "emial"] });
    expect(unknown).toMatchObject({
      status: 422,
      body: {
        errors: [
          { path: "destination", message: "is no destination with an address; there is none: PUT /v1/destinations/{name} makes one" },
          { path: "types[1]", message: "is no type of job; GET /v1/types lists them" },
        ],
      },
    });
    expect((await bench.call("GET", "/v1/alert-rules/hooks", { token: own.admin })).status).toBe(404);
    const pager = { url: "https://pager.example.com/x", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", events: ["lead.created"] };
    expect((await bench.call("PUT", "/v1/destinations/pager", { token: own.admin, body: pager })).status).toBe(201);
    expect((await put("hooks", { destination: "pgaer" })).text).toContain("there are pager");
    expect((await put("hooks", { destination: "crm" })).status).toBe(422);
    expect((await put("hooks", { destination: "pager" }, other.admin)).status).toBe(422);
    expect((await put("hooks", { destination: "pager", types: ["email"] })).status).toBe(200);
    await bench.call("DELETE", "/v1/alert-rules/hooks", { token: own.admin });
  });

  test("say which of their channels get nothing, and what is missing, as their test does", async () => {
    const tenant = await bench.tenant("rules-channels");
    const call = (method: string, path: string, body?: object) => bench.call(method, path, { token: tenant.admin, ...(body ? { body } : {}) });
    const pager = { url: "https://pager.example.com/x", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", events: ["lead.created"] };
    await call("PUT", "/v1/destinations/pager", pager);
    const rule = { slack: true, email: ["ops@example.com"], destination: "pager" };
    const missing = [
      { channel: "slack", reason: "The connection slack is not set." },
      { channel: "email", reason: "The connection mail is not set." },
    ];
    expect((await call("PUT", "/v1/alert-rules/night", rule)).body.unconnected).toEqual(missing);
    expect((await call("GET", "/v1/alert-rules/night")).body.unconnected).toEqual(missing);
    await call("DELETE", "/v1/destinations/pager");
    const gone = [...missing, { channel: "webhook", reason: "There is no destination pager." }];
    const { body } = await call("GET", "/v1/alert-rules");
    expect(v.is(rulesShape, body)).toBe(true);
    expect(body.rules[0].unconnected).toEqual(gone);
    expect(await call("POST", "/v1/alert-rules/night/test")).toMatchObject({ status: 422, body: { detail: expect.stringContaining("no destination pager") } });
    await call("PUT", "/v1/connections/mail", { provider: "resend", apiKey: "re_key", baseUrl: "https://mail.example.com" });
    expect((await call("GET", "/v1/alert-rules/night")).body.unconnected).toEqual([gone[0], gone[2]]);
    expect((await call("POST", "/v1/alert-rules/night/test")).body.sent).toMatchObject([
      { channel: "email" },
      { id: null, ...gone[0] },
      { id: null, ...gone[2] },
    ]);
  });

  test("are none for the tenant of the installation itself, which has no settings", async () => {
    const answer = await bench.call("GET", "/v1/alert-rules", { token: root, tenant: "system" });
    expect(answer).toMatchObject({ status: 200, body: { rules: [], builtIn: { inForce: true, unconnected: [{ channel: "slack" }] } } });
  });

  test("leave the built-in rule in force until one that is on reaches a channel, and the list says where it sends", async () => {
    const tenant = await bench.tenant("rules-built-in");
    const call = (method: string, path: string, body?: object) => bench.call(method, path, { token: tenant.admin, ...(body ? { body } : {}) });
    const builtIn = async () => {
      const { body } = await call("GET", "/v1/alert-rules");
      expect(v.is(rulesShape, body)).toBe(true);
      return body.builtIn;
    };
    const slackless = { channel: "slack", reason: "The connection slack is not set." };
    expect(await builtIn()).toEqual({ inForce: true, minSeverity: "warning", slack: true, email: [], unconnected: [slackless] });
    await call("PUT", "/v1/alert-rules/night", { email: ["ops@example.com"] });
    expect(await builtIn()).toMatchObject({ inForce: true });
    await call("PUT", "/v1/alert-rules/night", { email: ["ops@example.com"], enabled: false });
    expect(await builtIn()).toMatchObject({ inForce: false });
    await call("PUT", "/v1/alert-rules/night", { email: ["ops@example.com"] });
    await call("PUT", "/v1/connections/slack", { provider: "slack", url: "https://hooks.example.com/x" });
    expect(await builtIn()).toMatchObject({ inForce: true, slack: true, unconnected: [] });
    await call("PUT", "/v1/alert-rules/day", { slack: true });
    expect(await builtIn()).toMatchObject({ inForce: false });
  });

  test("and settings of a tenant name a destination that there is", async () => {
    const tenant = await bench.tenant("rules-settings");
    const put = () => bench.call("PUT", "/v1/tenants/rules-settings", { token: root, body: { name: "x", settings: { alerts: { destination: "pager" } } } });
    expect(await put()).toMatchObject({
      status: 422,
      body: { errors: [{ path: "settings.alerts.destination", message: expect.stringContaining("there is none") }] },
    });
    const pager = { url: "https://pager.example.com/x", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", events: ["lead.created"] };
    await bench.call("PUT", "/v1/destinations/pager", { token: tenant.admin, body: pager });
    expect((await put()).status).toBe(200);
  });

  test("are at most 20", async () => {
    for (let count = 0; count < 20; count++) expect((await put(`r${count}`, { slack: true }, other.admin)).status).toBe(200);
    expect((await put("r20", { slack: true }, other.admin)).status).toBe(422);
    expect((await put("r3", { slack: true, enabled: false }, other.admin)).status).toBe(200);
  });

  test("a test goes to the connected channels, and says so when there is none", async () => {
    await put("try", { slack: true, codes: ["stuck"], enabled: false });
    const send = () => bench.call("POST", "/v1/alert-rules/try/test", { token: own.admin });
    expect(await send()).toMatchObject({ status: 422, body: { detail: expect.stringContaining("connection") } });
    await bench.call("PUT", "/v1/connections/slack", { token: own.admin, body: { provider: "slack", url: "https://hooks.example.com/x" } });
    await put("try", { slack: true, email: ["ops@example.com"] });
    // The registry of this bench has no type slack: its job is refused.
    expect(await send()).toMatchObject({
      status: 202,
      body: {
        sent: [
          { channel: "slack", id: null, reason: expect.stringContaining('there is no type "slack"') },
          { channel: "email", id: null, reason: "The connection mail is not set." },
        ],
      },
    });
    await bench.call("PUT", "/v1/connections/mail", { token: own.admin, body: { provider: "resend", apiKey: "re_key", baseUrl: "https://mail.example.com" } });
    const [, email] = (await send()).body.sent;
    expect(email).toEqual({ channel: "email", id: expect.stringMatching(/^[0-9a-z]{34}$/), reason: null });
    expect(bench.seen.requests.flat().at(-1)).toMatchObject({ type: "email", payload: { about: ["alert:email", "alert-test:try"] } });
    expect((await bench.call("POST", "/v1/alert-rules/none/test", { token: own.admin })).status).toBe(404);
  });
});

describe("a rule matches", () => {
  const rule: AlertRule = { enabled: true, minSeverity: "warning", slack: true, email: [] };
  const alert = { cause: "finding/warning/paused/queue/email-sending", subject: "queue/email-sending" };

  test("what is as bad as it says, of its codes and types", () => {
    expect(wants(rule, alert)).toBe(true);
    expect(wants({ ...rule, minSeverity: "critical" }, alert)).toBe(false);
    expect(wants(rule, { ...alert, cause: "finding/info/approval/agent/x" })).toBe(false);
    expect(wants({ ...rule, codes: ["stuck"] }, alert)).toBe(false);
    expect(wants({ ...rule, codes: ["failed"], types: ["email"] }, { cause: "dead-letters/g", subject: "email" })).toBe(true);
    expect(wants({ ...rule, types: ["email"] }, { cause: "dead-letters/g", subject: "webhook" })).toBe(false);
    expect(wants({ ...rule, enabled: false }, alert)).toBe(false);
  });

  test("a cause says its code and severity", () => {
    expect([causeOf("tick/sweep"), causeOf("dead-letters/a/b"), causeOf("finding/info/approval/agent/x")]).toEqual([
      { code: "tick-failing", severity: "critical", subject: "tick/sweep" },
      { code: "failed", severity: "critical", subject: "group/a/b" },
      { code: "approval", severity: "info", subject: "agent/x" },
    ]);
  });
});
