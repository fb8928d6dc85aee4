import { describe, expect, test } from "vitest";
import { now } from "./given";
import { bench, path, page, own, other, apiKey, ids, settings, keyed, browse, taken, useLeadForms } from "./leads-bench";

useLeadForms();

describe("a project", () => {
  test("shows its API key once, keeps its ids, and never its secrets", async () => {
    const again = await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: { ...settings, turnstileSecret: "0xSECRET" } });
    expect(again.body).toMatchObject({ ...ids, turnstile: true });
    expect(again.body.apiKey).toBeUndefined();
    expect(again.text).not.toMatch(/0xSECRET|crm-secret/);
    const read = await bench.call("GET", "/v1/projects/homes", { token: own.leads });
    expect(read.text).not.toMatch(/0xSECRET|crm-secret|lk_/);
    await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: settings });
    expect((await bench.call("GET", "/v1/projects/homes", { token: other.admin })).status).toBe(404);
  });

  test.each([
    [{}, "domains"],
    [{ domains: ["https://x.example"] }, "domains[0]"],
    [{ domains: ["x.example"], thankYouUrl: "https://evil.example/thanks" }, "thankYouUrl"],
    [{ domains: [], thankYouUrl: "javascript:alert(1)" }, "thankYouUrl"],
    [{ domains: [], ackAfter: "later" }, "ackAfter"],
    [{ domains: [], silence: { timezone: "Nowhere/At-all" } }, "silence.timezone"],
    [{ domains: [], silence: { zone: "Nowhere/At-all" } }, "silence.zone"],
    [{ domains: [], silence: { businessHours: { from: "25:00" } } }, "silence.businessHours"],
    [{ domains: [], country: "Germany" }, "country"],
    [{ domains: [], unknown: 1 }, "unknown"],
  ])("%j is refused, naming %s", async (body, where) => {
    const { status, body: problem } = await bench.call("PUT", "/v1/projects/bad", { token: own.admin, body });
    expect(status).toBe(422);
    expect(problem.errors.map((each: { path: string }) => each.path).join()).toContain(where);
  });

  test("cannot have a name that is a route's: its form could not be posted to", async () => {
    const { status, body } = await bench.call("PUT", "/v1/projects/release", { token: own.admin, body: { domains: [] } });
    expect([status, body.errors?.[0].path]).toEqual([422, "project"]);
  });

  test("gets a new key on demand", async () => {
    await bench.call("PUT", "/v1/projects/renewed", { token: own.admin, body: { domains: [] } });
    const { body } = await bench.call("POST", "/v1/projects/renewed/api-key", { token: own.admin });
    const post = (key: string) => bench.call("POST", "/v1/leads/forms/renewed", { body: { email: "a@example.com" }, headers: { "x-api-key": key } });
    expect((await post(body.apiKey)).status).toBe(200);
    expect((await post(apiKey)).status).toBe(401);
  });
});

describe("who may post", () => {
  test("an unknown tenant, an unknown project and a wrong key are the same 401", async () => {
    const answers = await Promise.all(
      [path, "/v1/leads/forms/nothing", "/v1/leads/nobody/homes", "/v1/leads/forms/constructor"].map((door) =>
        bench.call("POST", door, { body: { email: "a@example.com" }, headers: { "x-api-key": "lk_wrong", origin: "https://homes.example" } }),
      ),
    );
    expect(answers.map(({ status, body }) => [status, body.detail])).toEqual(Array.from({ length: 4 }, () => [401, answers[0]!.body.detail]));
  });

  test("a form at a name that can be none gets the same page as at an unknown one", async () => {
    const post = (door: string) =>
      bench.call("POST", door, { body: "email=a%40example.com", headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html" } });
    const [unknown, ...wrong] = await Promise.all(["/v1/leads/nobody/homes", "/v1/leads/No_Body/homes", "/v1/leads/forms/Ho.mes"].map(post));
    expect([unknown?.status, unknown?.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
    for (const each of wrong) expect([each.status, each.text]).toEqual([401, unknown?.text]);
  });

  test.each([
    ["nothing", {}, {}],
    ["no page", ids, { origin: "" }],
    ["a stranger's page", ids, { origin: "https://evil.example" }],
    ["a page that begins like ours", ids, { origin: "https://homes.example.evil.example" }],
    ["a stranger's referer", ids, { origin: "null", referer: "https://evil.example/homes.example" }],
  ])("%s is the 401 of a project that there is not", async (_name, fields, headers: Record<string, string>) => {
    const clean = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
    const answer = await bench.call("POST", path, { body: { email: "a@example.com", ...fields }, headers: clean });
    const unknown = await bench.call("POST", "/v1/leads/nobody/homes", { body: { email: "a@example.com", ...fields }, headers: clean });
    expect([answer.status, answer.body.detail, answer.body.errors]).toEqual([401, unknown.body.detail, unknown.body.errors]);
    expect(bench.seen.requests).toEqual([]);
  });

  test("a browser without the project's ids gets a refusal that names the missing one", async () => {
    const answer = await bench.call("POST", path, { body: { email: "a@example.com", siteKey: "pk_wrong" }, headers: { origin: "https://homes.example" } });
    expect(answer.body).toMatchObject({ status: 403, errors: [{ path: "siteKey" }, { path: "formId", message: "is missing" }] });
  });

  test("a browser of the project's domains may, by Origin or Referer, and a server by its key from anywhere", async () => {
    expect((await browse({ email: "a@example.com" })).status).toBe(200);
    expect((await browse({ email: "a@example.com" }, { origin: "https://new.flats.example" })).status).toBe(200);
    expect((await browse({ email: "a@example.com" }, { origin: "null", referer: page })).status).toBe(200);
    expect((await keyed({ email: "a@example.com" }, { origin: "https://evil.example" })).status).toBe(200);
  });

  test("browsers are limited per address, servers never, and a broken limiter costs no lead", async () => {
    const keys: string[] = [];
    bench.deps.leads.mayPost = async (key) => (keys.push(key), false);
    const limited = await browse({ email: "a@example.com" }, { "cf-connecting-ip": "192.0.2.7" });
    expect([limited.status, limited.headers.get("retry-after"), limited.headers.get("access-control-allow-origin")]).toEqual([
      429,
      "60",
      "https://homes.example",
    ]);
    for (const ip of ["2001:db8:1:2::7", "2001:DB8:1:2:ffff::", "2001:db8:1:3::7"]) await browse({ email: "a@example.com" }, { "cf-connecting-ip": ip });
    const subscribers = ["192.0.2.7", "2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64"];
    expect(keys).toEqual(subscribers.map((subscriber) => `forms/homes/${subscriber}`));
    bench.deps.leads.mayPost = async () => true;
    const projects: string[] = [];
    bench.deps.leads.mayPostTo = async (project) => (projects.push(project), false);
    expect((await browse({ email: "a@example.com" })).body).toMatchObject({ status: 429, detail: "This project gets too many posts; wait a minute." });
    expect(projects).toEqual(["forms/homes"]);
    bench.deps.leads.mayPostTo = async () => Promise.reject(new Error("limiter down"));
    expect((await keyed({ email: "a@example.com" })).status).toBe(200);
    bench.deps.leads.mayPost = async () => Promise.reject(new Error("limiter down"));
    expect((await browse({ email: "a@example.com" })).status).toBe(200);
  });

  test("pages of the project may read the answer, others may not", async () => {
    const preflight = (origin: string) => bench.call("OPTIONS", path, { headers: { origin, "access-control-request-method": "POST" } });
    const own = await preflight("https://homes.example");
    expect([own.status, own.headers.get("access-control-allow-origin"), own.headers.get("access-control-allow-methods")]).toEqual([
      204,
      "https://homes.example",
      "POST",
    ]);
    expect(own.headers.get("vary")).toBe("Origin");
    expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    expect((await browse({})).headers.get("access-control-allow-origin")).toBe("https://homes.example");
  });
});

describe("what is sent", () => {
  const spellings: [string, string, BodyInit][] = [
    ["JSON", "application/json", JSON.stringify({ FIRSTNAME: "Ada", EMAIL: "Ada@Example.com", PHONE: "030 12345678" })],
    ["urlencoded", "application/x-www-form-urlencoded", "FIRSTNAME=Ada&EMAIL=Ada%40Example.com&PHONE=030+12345678"],
    ["lines of text", "text/plain", "firstname=Ada\nemail=Ada@Example.com\r\nphone=030 12345678\n"],
    ["JSON as text", "text/plain;charset=UTF-8", JSON.stringify({ firstName: "Ada", email: "Ada@Example.com", phone: "030 12345678" })],
    ["JSON that says it is a form", "application/x-www-form-urlencoded", JSON.stringify({ firstName: "Ada", email: "Ada@Example.com", phone: "030 12345678" })],
  ];

  test.each(spellings)("as %s is the same lead", async (_name, type, body) => {
    const answer = await bench.call("POST", path, { body, headers: { "content-type": type, "x-api-key": apiKey, accept: "application/json" } });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ ok: true, id: expect.any(String) });
    expect(taken()).toMatchObject([
      { project: "homes", kind: "lead", contact: { name: "Ada", email: "ada@example.com", emailKey: "ada@example.com", phone: "+493012345678" } },
    ]);
  });

  test("as multipart is the same lead, and files are left out", async () => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ FIRSTNAME: "Ada", EMAIL: "ada@example.com" })) form.set(name, value);
    form.set("file", new File(["x"], "x.txt"));
    const made = new Request("https://x.example", { method: "POST", body: form });
    const answer = await bench.call("POST", path, {
      body: new Uint8Array(await made.arrayBuffer()),
      headers: { "content-type": made.headers.get("content-type")!, "x-api-key": apiKey, accept: "application/json" },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(taken()[0]).toMatchObject({ contact: { name: "Ada", email: "ada@example.com" }, extra: {} });
  });

  test.each([
    ["nobody", {}, "email"],
    ["an address that is none", { email: "ada" }, "email"],
    ["a name without end", { email: "a@example.com", FIRSTNAME: "x".repeat(101) }, "firstName"],
  ])("%s is a 422 that names the field", async (_name, body, where) => {
    const answer = await keyed(body);
    expect(answer.body).toMatchObject({ status: 422, errors: [{ path: where }] });
  });

  test.each([
    ["half of a JSON", "application/json", '{"email": "a@exa', 400],
    ["a list", "application/json", "[]", 422],
    ["a picture", "image/png", "x", 415],
    ["a line without =", "text/plain", "hello", 400],
    ["a form without boundary", "multipart/form-data", "x", 400],
    ["too much", "application/json", JSON.stringify({ email: "a@example.com", x: "x".repeat(65_536) }), 413],
  ])("%s is refused", async (_name, type, body, status) => {
    expect((await bench.call("POST", path, { body, headers: { "content-type": type, "x-api-key": apiKey } })).status).toBe(status);
  });

  test("a lead with a bad telephone number is accepted, and unknown fields are kept", async () => {
    await keyed({ email: "a@example.com", phone: "not really", BUDGET: 100_000, wants: ["garden", "garage"], nested: { a: 1 } });
    expect(taken()[0]).toMatchObject({
      reasons: ["no tracking session", "telephone number not valid"],
      extra: { BUDGET: "100000", wants: "garden, garage", nested: '{"a":1}' },
    });
  });

  test("a number that is none is a lead all the same, with suspicion", async () => {
    expect((await keyed({ PHONE: "n/a" })).status).toBe(200);
    expect(taken()).toMatchObject([{ contact: { phone: "n/a" }, reasons: ["no tracking session", "telephone number not valid"] }]);
    expect((await keyed({ PHONE: " " })).status).toBe(422);
  });

  test("a field may have any name, also one that every object has", async () => {
    const names = ["constructor", "prototype", "toString", "hasOwnProperty"];
    await keyed(`{"email":"a@example.com",${names.map((name) => `"${name}":"x"`).join()}}`);
    expect(Object.entries(taken()[0]?.extra ?? {})).toEqual(names.map((name) => [name, "x"]));
  });

  test("is enriched by what the request tells and scored", async () => {
    const headers = { "cf-connecting-ip": "192.0.2.7", "user-agent": "Mozilla", referer: page };
    await browse({ email: "a@mailinator.com", __visitor_id: "v1", __pg_tts: "3", __pg_duration: "350", scroll_depth: "100" }, headers);
    expect(taken()[0]).toMatchObject({
      request: { ip: "192.0.2.7", userAgent: "Mozilla", referer: page, id: expect.any(String) },
      score: 65,
      label: "Hot",
      suspicion: 45,
      reasons: ["submitted within 5 s", "disposable e-mail"],
    });
    expect(JSON.stringify(taken()[0])).not.toContain(ids.siteKey);
  });

  test.each([
    ["a honeypot", { email: "a@example.com", __pg_hp: "http://spam" }, {}, "bot"],
    ["a tester's address", { email: "a@example.com" }, { "cf-connecting-ip": "192.0.2.10" }, "test"],
    ["a tester's word", { email: "Testing@example.com" }, {}, "test"],
  ])("%s tells what it is, and the answer does not", async (_name, fields, headers, kind) => {
    const answer = await browse(fields, headers);
    expect(answer.body).toEqual({ ok: true, id: expect.any(String) });
    expect(taken()).toMatchObject([{ kind }]);
  });

  test("by a blocked address is answered like any other and leaves an audit row only", async () => {
    const answer = await browse({ email: "a@example.com" }, { "cf-connecting-ip": "192.0.2.66" });
    const usual = await browse({ email: "a@example.com" });
    expect([answer.status, Object.keys(answer.body), String(answer.body.id).length]).toEqual([200, Object.keys(usual.body), String(usual.body.id).length]);
    expect(await bench.deps.ids.belongs("forms", answer.body.id)).toBe(true);
    expect(bench.seen.requests).toHaveLength(1);
    expect(bench.seen.audits).toMatchObject([{ tenant: "forms", actor: "public", action: "block", at: now }]);
    expect(JSON.stringify(bench.seen.audits)).not.toContain("192.0.2.66");
  });
});
