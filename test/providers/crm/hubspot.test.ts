import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createHubspot } from "../../../src/providers/crm/hubspot";
import { createHttp } from "../../../src/providers/http";
import { type Answer, stubFetch } from "../fetch-stub";

afterEach(() => vi.unstubAllGlobals());

const contact = { email: "ada@example.com", properties: { firstname: "Ada", phone: "+420777123456" } };
const apiKey = "pat-eu1-0123456789abcdef";

async function upsert(...answers: Answer[]) {
  const seen = stubFetch(...answers);
  const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
  const crm = createHubspot({ http, apiKey, baseUrl: "https://crm.example.com/", now: () => 0 });
  return { reply: await crm.upsert(contact, new AbortController().signal), seen };
}

const problem = (status: number, body: object, headers: Record<string, string> = {}) => Response.json({ status: "error", ...body }, { status, headers });
const partial = (category: string, message = "no") =>
  Response.json({ status: "COMPLETE", results: [], numErrors: 1, errors: [{ category, message }] }, { status: 207 });

describe("what refuses", () => {
  test.each<[string, Answer, object]>([
    [
      "400 unknown property",
      problem(400, { category: "VALIDATION_ERROR", message: 'Property "x" does not exist' }),
      { class: "permanent", code: "VALIDATION_ERROR" },
    ],
    ["401 expired", problem(401, { category: "EXPIRED_AUTHENTICATION" }), { class: "config" }],
    ["403 scopes", problem(403, { category: "MISSING_SCOPES" }), { class: "config", code: "MISSING_SCOPES" }],
    ["409 without an id", problem(409, { message: "conflict" }), { class: "transient" }],
    ["423 locked", problem(423, {}), { class: "transient", retryAfter: 2 }],
    ["429 ten seconds", problem(429, { policyName: "TEN_SECONDLY_ROLLING" }), { class: "limited", retryAfter: 10, code: "TEN_SECONDLY_ROLLING" }],
    ["429 for longer", problem(429, { policyName: "TEN_SECONDLY_ROLLING" }, { "retry-after": "25" }), { class: "limited", retryAfter: 25 }],
    ["429 the day", problem(429, { policyName: "DAILY" }), { class: "limited", retryAfter: 3600, code: "DAILY" }],
    ["429 the second", problem(429, { message: "You have reached your secondly limit." }), { class: "limited", retryAfter: 1 }],
    ["500", problem(500, {}), { class: "transient" }],
    ["502 HTML", new Response("<html>", { status: 502 }), { class: "transient" }],
    ["207 of this contact", partial("VALIDATION_ERROR"), { class: "permanent", code: "VALIDATION_ERROR" }],
    ["207 for a rate", partial("RATE_LIMITS"), { class: "limited", retryAfter: 10 }],
    ["207 of a conflict without an id", partial("CONFLICT"), { class: "transient", code: "CONFLICT" }],
    ["207 inside", partial("INTERNAL_ERROR"), { class: "transient" }],
    ["207 without a word", Response.json({ results: [] }, { status: 207 }), { class: "permanent" }],
    ["a 200 without the contact", Response.json({ results: [] }), { class: "transient" }],
    ["a lost connection", new Error("Network connection lost."), { class: "transient" }],
  ])("%s", async (_what, answer, expected) => {
    const { reply } = await upsert(answer);
    expect(reply).toMatchObject({ ok: false, failure: expected });
  });

  test("repeats nothing of the contact or key", async () => {
    const { reply } = await upsert(problem(400, { category: "VALIDATION_ERROR", message: `${apiKey}: Ada <ada@example.com> +420777123456 is wrong` }));
    for (const text of [apiKey, "Ada", "777123456"]) expect(reply.ok ? "" : reply.failure.reason).not.toContain(text);
  });

  test("never throws", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(200, 207, 400, 409, 429, 500), fc.json(), async (status, text) => {
        const { reply } = await upsert(() => new Response(text, { status }));
        expect(reply.ok ? "" : reply.failure.reason.length).not.toBe(0);
      }),
    );
  });
});

test("upserts by e-mail", async () => {
  const { reply, seen } = await upsert(Response.json({ results: [{ id: "77", new: true }] }));
  expect(reply).toEqual({ ok: true, value: { id: "77", created: true } });
  expect(seen[0]).toMatchObject({ url: "https://crm.example.com/crm/v3/objects/contacts/batch/upsert", method: "POST" });
  expect(JSON.parse(seen[0]?.body ?? "")).toEqual({
    inputs: [{ idProperty: "email", id: contact.email, properties: { ...contact.properties, email: contact.email } }],
  });
});

test("a 207 that has the contact is a success", async () => {
  const { reply } = await upsert(Response.json({ results: [{ id: "77", new: false }] }, { status: 207 }));
  expect(reply).toEqual({ ok: true, value: { id: "77", created: false } });
});

test.each<[string, Answer]>([
  ["a 409", problem(409, { category: "CONFLICT", message: "Contact already exists. Existing ID: 123" })],
  ["a 207", partial("CONFLICT", "Contact already exists. Existing ID: 123")],
])("a conflict of %s names the contact that is updated instead", async (_what, conflict) => {
  const { reply, seen } = await upsert(conflict, Response.json({ id: "123" }));
  expect(reply).toEqual({ ok: true, value: { id: "123", created: false } });
  expect(seen).toHaveLength(2);
  expect(seen[1]).toMatchObject({
    url: "https://crm.example.com/crm/v3/objects/contacts/123",
    method: "PATCH",
    body: JSON.stringify({ properties: contact.properties }),
  });
});
