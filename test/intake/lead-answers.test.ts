import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createIntakeBench } from "./bench";
import { bench, path, own, apiKey, settings, keyed, browse, taken, useLeadForms } from "./leads-bench";

useLeadForms();

describe("the answer", () => {
  const form = { accept: "text/html,application/xhtml+xml" };

  test("to a form is the thank-you page, to a script JSON", async () => {
    const sent = await browse({ email: "a@example.com" }, form);
    expect([sent.status, sent.headers.get("location"), sent.text]).toEqual([303, "https://homes.example/thanks", ""]);
    expect((await browse({ email: "a@example.com" })).status).toBe(200);
    expect((await browse({ email: "a@example.com" }, { accept: "*/*", "sec-fetch-mode": "navigate" })).status).toBe(303);
  });

  test.each<[string, Record<string, string>]>([
    ["with Sec-Fetch headers", { accept: "*/*", "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" }],
    ["without them", { accept: "*/*" }],
    ["without Accept", { accept: "" }],
    ["that takes HTML too", { accept: "text/html, */*", "sec-fetch-dest": "empty" }],
  ])("to a form's own script %s can be read across origins", async (_name, headers) => {
    const taken = await browse({ email: "a@example.com" }, headers);
    expect(taken.body).toEqual({ ok: true, id: expect.any(String) as unknown });
    expect(taken.headers.get("access-control-allow-origin")).toBe("https://homes.example");
    expect((await browse({ email: "none" }, headers)).body).toMatchObject({ status: 422, errors: [{ path: "email" }] });
  });

  test("to a server is JSON, also when it sends a form", async () => {
    const post = (body: string) =>
      bench.call("POST", path, { body, headers: { "content-type": "application/x-www-form-urlencoded", "x-api-key": apiKey, accept: "*/*" } });
    expect((await post("EMAIL=a@example.com")).body).toEqual({ ok: true, id: expect.any(String) });
    expect((await post("EMAIL=none")).body).toMatchObject({ status: 422, errors: [{ path: "email" }] });
  });

  test("leads to the project's own pages only", async () => {
    const own = await browse({ email: "a@example.com", __pg_redirect: "https://a.flats.example/done" }, form);
    expect(own.headers.get("location")).toBe("https://a.flats.example/done");
    for (const evil of [
      "https://evil.example",
      "//evil.example",
      "javascript:alert(1)",
      "https://homes.example@evil.example",
      "https://homes.example.evil.example/",
    ]) {
      expect((await browse({ email: "a@example.com", __pg_redirect: evil }, form)).headers.get("location"), evil).toBe("https://homes.example/thanks");
    }
  });

  test("to a form that is wrong is a page that names the field, without repeating what was typed as markup", async () => {
    const answer = await browse({ email: "<script>alert(1)</script>" }, form);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([422, "text/html; charset=utf-8"]);
    expect(answer.text).toContain("<strong>email</strong>");
    expect(answer.text).not.toContain("<script>");
  });
});

describe("a captcha", () => {
  const withCaptcha = async (work: () => Promise<void>) => {
    await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: { ...settings, turnstileSecret: "0xSECRET" } });
    await work();
    await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: settings });
  };

  test("is verified with the project's secret; a failed one is refused with its reason, and servers need none", async () => {
    await withCaptcha(async () => {
      const checks: { secret: string; token: string }[] = [];
      bench.deps.leads.turnstile = async ({ secret, token }) => (checks.push({ secret, token }), { result: "refused", reason: "the captcha was not solved" });
      const answer = await browse({ email: "a@example.com", "cf-turnstile-response": "token" });
      expect(answer.body).toMatchObject({ status: 403, errors: [{ path: "cf-turnstile-response" }] });
      expect(checks).toEqual([{ secret: "0xSECRET", token: "token" }]);
      expect((await keyed({ email: "a@example.com" })).status).toBe(200);
    });
  });

  test("is not used up by a form that is wrong, and the second press of a button is the same question", async () => {
    await withCaptcha(async () => {
      const keys: (string | undefined)[] = [];
      bench.deps.leads.turnstile = async ({ repeatKey }) => (keys.push(repeatKey), { result: "passed" });
      expect((await browse({ email: "none" })).status).toBe(422);
      for (const tts of ["3", "5"]) await browse({ email: "a@example.com", __pg_nonce: "captcha", __pg_tts: tts });
      await browse({ email: "a@example.com" });
      expect(keys).toEqual([expect.any(String), keys[0], undefined]);
    });
  });

  test("that cannot be asked costs no lead", async () => {
    await withCaptcha(async () => {
      bench.deps.leads.turnstile = async () => ({ result: "unchecked", reason: "no answer" });
      expect((await browse({ email: "a@example.com" })).status).toBe(200);
      expect(taken()[0]?.reasons).toContain("captcha not checked");
    });
  });
});

describe("while D1 is down", () => {
  test("a lead is accepted by the project in KV; an unreadable project is a 503, not a 404", async () => {
    const deaf = createIntakeBench();
    deaf.deps.snapshots = { read: async () => ({ state: "unknown" }) };
    expect((await deaf.call("POST", path, { body: { email: "a@example.com" }, headers: { "x-api-key": apiKey } })).status).toBe(503);
    const stored = await env.CONFIG.get<{ sections: { projects: object } }>("tenant/forms", "json");
    expect(stored?.sections.projects).toHaveProperty("homes");
    expect(JSON.stringify(stored)).not.toMatch(/crm-secret|lk_/);
  });
});

test("the demo's form and gallery are on a developer's machine only", async () => {
  const demo = await bench.tenant("demo");
  await bench.call("PUT", "/v1/projects/demo", { token: demo.admin, body: { domains: ["localhost"] } });
  for (const page of ["/demo/lead", "/demo/pictures"]) expect((await bench.call("GET", page)).status).toBe(404);
  bench.deps.leads.local = true;
  const { status, text, headers } = await bench.call("GET", "/demo/lead");
  expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(text).toContain('action="/v1/leads/demo/demo"');
  const gallery = await bench.call("GET", "/demo/pictures");
  expect([gallery.status, gallery.headers.get("content-security-policy")]).toEqual([200, expect.stringMatching(/^default-src 'none'; script-src 'nonce-/)]);
});
