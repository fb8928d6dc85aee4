import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { play, type Playing } from "./sandbox.ts";

let sandbox: Playing;

beforeAll(async () => {
  sandbox = await play();
});
beforeEach(() => sandbox.ask("POST", "/__reset"));
afterAll(() => sandbox.close());

const key = { authorization: "Bearer k" };

describe("Slack", () => {
  it.each([
    ["/slack/no-service", { text: "a" }, 404, "no_service"],
    ["/slack/archived", { text: "a" }, 410, "channel_is_archived"],
    ["/slack/prohibited", { text: "a" }, 403, "action_prohibited"],
    ["/slack/limited", { text: "a" }, 429, "rate_limited"],
    ["/slack/demo", "{", 400, "invalid_payload"],
    ["/slack/demo", {}, 400, "no_text"],
    ["/slack/demo", { text: "a", blocks: 1 }, 400, "invalid_blocks"],
    ["/slack/demo", { text: "a".repeat(40_001) }, 400, "msg_too_long"],
  ])("%s %j answers %i %s in plain text", async (path, body, status, word) => {
    const answer = await sandbox.ask("POST", path, body);
    expect([answer.status, answer.text, answer.headers.get("content-type")]).toEqual([status, word, "text/plain; charset=utf-8"]);
    expect((await sandbox.effects()).total).toBe(0);
  });

  it("posts each call, also a repeated one", async () => {
    for (const path of ["/slack/demo", "/slack/demo", "/slack"]) expect((await sandbox.ask("POST", path, { text: "a" })).text).toBe("ok");
    expect((await sandbox.effects()).total).toBe(3);
  });
});

describe("Make.com", () => {
  it.each([
    ["/make/gone", "{}", {}, 410, "Gone"],
    ["/make/a/b", "{}", {}, 410, "Gone"],
    ["/make/full", "{}", {}, 400, "Queue is full."],
    ["/make/keyed", "{}", {}, 401, "Unauthorized"],
    ["/make/keyed", "{}", { "x-make-apikey": "wrong" }, 401, "Unauthorized"],
    ["/make/demo", "x".repeat(5 * 1024 * 1024 + 1), {}, 413, "Request entity too large"],
  ])("%s refuses %.10s with %j: %i %s", async (path, body, headers, status, text) => {
    const answer = await sandbox.ask("POST", path, body, headers);
    expect([answer.status, answer.text, (await sandbox.effects()).total]).toEqual([status, text, 0]);
  });

  it("says in its own words what a fault makes it say", async () => {
    for (const status of [429, 500]) await sandbox.fault({ provider: "make", status, times: 1 });
    const answers = [await sandbox.ask("POST", "/make/demo", "{}"), await sandbox.ask("POST", "/make/demo", "{}")];
    expect(answers.map(({ status, text, headers }) => [status, text, headers.get("retry-after")])).toEqual([
      [429, "Too many requests sent in a short time.", "1"],
      [500, "Scenario failed to complete.", null],
    ]);
  });

  it("queues each call and recognises no repeat: the webhook-id counts how often", async () => {
    const headers = { "webhook-id": "msg-1", "x-make-apikey": "sandbox" };
    for (const path of ["/make/demo", "/make/demo", "/make/keyed"]) expect((await sandbox.ask("POST", path, "no JSON", headers)).text).toBe("Accepted");
    await sandbox.ask("GET", "/make/demo", undefined, { "webhook-id": "msg-2" });
    expect(await sandbox.effects()).toMatchObject({ total: 4, keys: { "msg-1": 3, "msg-2": 1 }, repeated: { "msg-1": 3 } });
  });
});

describe("CRM", () => {
  const path = "/crm/crm/v3/objects/contacts/batch/upsert";
  const inputs = (...emails: string[]) => ({ inputs: emails.map((id) => ({ idProperty: "email", id, properties: { firstname: "Ada" } })) });

  it.each([
    ["no key", inputs("a@b.example"), {}, 401],
    ["no inputs", { inputs: [] }, key, 400],
    ["one address twice", inputs("a@b.example", "A@b.example"), key, 400],
    ["an unknown property", { inputs: [{ idProperty: "email", id: "a@b.example", properties: { mood: "good" } }] }, key, 400],
    ["a number", { inputs: [{ idProperty: "email", id: "a@b.example", properties: { phone: 1 } }] }, key, 400],
    ["a conflict", inputs("a@conflict.example"), key, 409],
  ])("refuses %s", async (_what, body, headers, status) => {
    const answer = await sandbox.ask("POST", path, body, headers);
    expect([answer.status, answer.json()["status"]]).toEqual([status, "error"]);
  });

  it("creates, updates, and says of some that they are wrong", async () => {
    const first = await sandbox.ask("POST", path, inputs("a@b.example"), key);
    const second = await sandbox.ask("POST", path, inputs("a@b.example", "x@refused.example"), key);
    expect([first.status, second.status]).toEqual([200, 207]);
    expect(first.json()).toMatchObject({ results: [{ new: true }] });
    expect(second.json()).toMatchObject({ results: [{ new: false }], numErrors: 1, errors: [{ category: "VALIDATION_ERROR" }] });
  });

  it("names the contact that is there, which can be patched", async () => {
    const { message } = (await sandbox.ask("POST", path, inputs("a@conflict.example"), key)).json();
    const id = /Existing ID: (\d+)/.exec(String(message))?.[1];
    const answer = await sandbox.ask("PATCH", `/crm/crm/v3/objects/contacts/${id}`, { properties: { city: "Brno" } }, key);
    expect(answer.json()).toMatchObject({ id, properties: { city: "Brno" } });
  });
});

describe("the model", () => {
  const schema = {
    type: "object",
    properties: {
      intent: { enum: ["buy", "sell"] },
      score: { type: "integer" },
      risks: { type: "array", items: { type: "string" } },
      text: { type: "string" },
    },
  };
  const ask = (model: string, headers: Record<string, string> = key) =>
    sandbox.ask(
      "POST",
      "/models/v1/chat/completions",
      { model, messages: [{ role: "user", content: "?" }], response_format: { type: "json_schema", json_schema: { schema } } },
      headers,
    );
  const choice = (body: Record<string, unknown>) =>
    (body["choices"] as { finish_reason: string; message: { content: string | null; refusal: string | null } }[])[0];

  it("answers the smallest value that fits", async () => {
    expect(JSON.parse(choice((await ask("good")).json())?.message.content ?? "")).toEqual({ intent: "buy", score: 0, risks: [], text: "Sandbox." });
  });

  it.each([
    ["refuses", { message: { content: null, refusal: expect.any(String) } }],
    ["babbles", { message: { content: expect.stringContaining("Gladly") } }],
    ["empty", { message: { content: null, refusal: null } }],
    ["cut", { finish_reason: "length" }],
    ["thinks", { message: { content: expect.stringMatching(/^<think>[^]*```json/) } }],
  ])("%s", async (model, expected) => expect(choice((await ask(model)).json())).toMatchObject(expected));

  it("is busy inside a 200, and picky about what is sent", async () => {
    expect([(await ask("busy")).json(), (await ask("picky")).json()]).toMatchObject([{ error: { code: 429 } }, { error: { param: "response_format" } }]);
    const instruction = { role: "system", content: `Answer by this JSON Schema:\n${JSON.stringify(schema)}` };
    const answer = await sandbox.ask("POST", "/models/v1/chat/completions", { model: "picky", messages: [instruction] }, key);
    expect(JSON.parse(choice(answer.json())?.message.content ?? "")).toMatchObject({ intent: "buy" });
  });

  it("has no quota, or no key", async () => {
    expect([(await ask("broke")).json(), (await ask("good", {})).json()]).toMatchObject([
      { error: { code: "insufficient_quota" } },
      { error: { code: "invalid_api_key" } },
    ]);
  });
});
