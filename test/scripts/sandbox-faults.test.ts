import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { kinds } from "../../scripts/sandbox/fault-form.ts";
import type { FaultSpec } from "../../scripts/sandbox/faults.ts";
import { hello, play, type Playing, unanswered } from "./sandbox.ts";

let sandbox: Playing;

beforeAll(async () => {
  sandbox = await play();
});

beforeEach(() => sandbox.ask("POST", "/__reset"));

afterAll(() => sandbox.close());

describe("faults before the effect", () => {
  it("answers a status with the provider's own body, as often as it should", async () => {
    await sandbox.fault({ provider: "mail", path: "/emails", status: 429, times: 2 });
    const limited = await sandbox.send(hello);
    expect(limited.json()).toMatchObject({ statusCode: 429, name: "rate_limit_exceeded" });
    expect(limited.headers.get("retry-after")).toBe("1");
    expect(limited.headers.get("ratelimit-remaining")).toBe("0");
    expect((await sandbox.send(hello)).status).toBe(429);
    expect((await sandbox.send(hello)).status).toBe(200);
    expect(await sandbox.mails()).toHaveLength(1);
    expect((await sandbox.faults())[0]?.hits).toBe(2);
  });

  it("answers the body and the headers it was given", async () => {
    await sandbox.fault({ status: 429, headers: { "Retry-After": "7" }, body: { name: "daily_quota_exceeded" } });
    const answer = await sandbox.send(hello);
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(answer.json()).toEqual({ name: "daily_quota_exceeded" });
  });

  it("resets the connection", async () => {
    const fault = await sandbox.fault({ reset: true });
    await expect(sandbox.send(hello)).rejects.toThrow("fetch failed");
    expect(await sandbox.calls()).toMatchObject([{ status: null, end: "reset", fault }]);
    expect(await sandbox.mails()).toHaveLength(0);
  });

  it("only delays", async () => {
    await sandbox.fault({ delayMs: 60 });
    const began = performance.now();
    expect((await sandbox.send(hello)).status).toBe(200);
    expect(performance.now() - began).toBeGreaterThanOrEqual(55);
  });
});

describe("faults after the effect", () => {
  const key = { "idempotency-key": "k1" };

  it("never answers, and remembers the key afterwards", async () => {
    await sandbox.fault({ timeoutAfterAccept: true, times: 1 });
    await unanswered(sandbox, key);
    expect(await sandbox.calls()).toMatchObject([{ status: null, end: "held" }]);
    const [mail] = await sandbox.mails();
    expect((await sandbox.send(hello, key)).json()).toEqual({ id: mail?.id });
    expect((await sandbox.effects()).keys).toEqual({ k1: 1 });
  });

  it("answers JSON that ends in the middle", async () => {
    await sandbox.fault({ malformed: true });
    const answer = await sandbox.send(hello);
    expect(answer.status).toBe(200);
    expect(() => answer.json()).toThrow(SyntaxError);
    expect(await sandbox.mails()).toHaveLength(1);
  });

  it("breaks off in the middle of the body", async () => {
    await sandbox.fault({ cutBody: true });
    await expect(sandbox.send(hello)).rejects.toThrow(/terminated|fetch failed/);
    expect(await sandbox.calls()).toMatchObject([{ status: 200, end: "cut" }]);
    expect(await sandbox.mails()).toHaveLength(1);
  });

  it("lies about what happened", async () => {
    await sandbox.fault({ status: 500, afterAccept: true, times: 1 });
    await sandbox.fault({ reset: true, afterAccept: true, times: 1 });
    expect((await sandbox.send(hello, key)).json()).toMatchObject({ statusCode: 500 });
    await expect(sandbox.send(hello, key)).rejects.toThrow("fetch failed");
    expect((await sandbox.effects()).keys).toEqual({ k1: 1 });
  });
});

describe("which calls are hit", () => {
  it("depends on provider, path and method", async () => {
    await sandbox.fault({ path: "/mail/emails/*", status: 503 });
    await sandbox.fault({ provider: "slack", status: 503 });
    await sandbox.fault({ method: "get", status: 503 });
    expect((await sandbox.send(hello)).status).toBe(200);
    expect((await sandbox.ask("POST", "/mail/emails/batch", [hello], { authorization: "Bearer re_test" })).status).toBe(503);
    expect((await sandbox.ask("GET", "/mail/emails", undefined, { authorization: "Bearer re_test" })).status).toBe(503);
  });

  it("is the same for the same seed, and about the rate", async () => {
    const hits = async (seed: number): Promise<string> => {
      const seeded = await play({ seed });
      await seeded.fault({ rate: 0.3, status: 500 });
      const statuses: number[] = [];
      for (let call = 0; call < 100; call++) statuses.push((await seeded.send(hello)).status);
      await seeded.close();
      return statuses.map((status) => (status === 500 ? "x" : ".")).join("");
    };
    const [first, again, other] = await Promise.all([hits(7), hits(7), hits(8)]);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(first.split("x").length - 1).toBeGreaterThan(15);
    expect(first.split("x").length - 1).toBeLessThan(45);
  });

  it("ends with the fault", async () => {
    const id = await sandbox.fault({ status: 500 });
    expect((await sandbox.ask("DELETE", "/__faults/f99")).status).toBe(404);
    expect((await sandbox.ask("DELETE", `/__faults/${id}`)).status).toBe(204);
    expect((await sandbox.send(hello)).status).toBe(200);
    await sandbox.fault({ status: 500 });
    await sandbox.ask("DELETE", "/__faults");
    expect(await sandbox.faults()).toEqual([]);
  });

  it.each([
    ["nothing to do", {}],
    ["an unknown field", { status: 500, colour: "red" }],
    ["a prototype's name", JSON.parse('{"status": 500, "__proto__": {}}') as object],
    ["a status that is none", { status: 99 }],
    ["a rate above 1", { status: 500, rate: 2 }],
    ["a header that splits the answer", { headers: { a: "b\r\nc: d" } }],
    ["an array", []],
    ["a provider that is none", { status: 500, provider: "mails" }],
  ])("refuses a fault with %s", async (_what, spec) => {
    const answer = await sandbox.ask("POST", "/__faults", spec);
    expect(answer.status).toBe(422);
    expect(answer.json()["issues"]).not.toEqual([]);
  });

  it("names the providers there are to one that mistypes one", async () => {
    const answer = await sandbox.ask("POST", "/__faults", { status: 500, provider: "hubspot" });
    expect(answer.json()["issues"]).toEqual(['There is no provider "hubspot"; there are mail, postmark, cloudflare, make, slack, crm, models, shop, smtp.']);
  });

  it("names the fields there are to one that mistypes one", async () => {
    const answer = await sandbox.ask("POST", "/__faults", { status: 500, delay: 5 });
    expect(answer.json()["issues"]).toEqual([
      'There is no field "delay"; there are provider, path, method, status, body, headers, delayMs, reset, afterAccept, timeoutAfterAccept, malformed, cutBody, rate, times.',
    ]);
  });
});

describe("the journal", () => {
  it("keeps what was asked without credentials, and finds it", async () => {
    await sandbox.send(hello, { "idempotency-key": "k1", "x-api-key": "secret-1" });
    await sandbox.ask("GET", "/mail/emails/none?ws_key=secret-2", undefined, { authorization: "Bearer re_test" });
    const calls = await sandbox.calls();
    expect(JSON.stringify(calls)).not.toMatch(/secret-|re_test/);
    expect(calls).toMatchObject([
      { provider: "mail", method: "POST", path: "/emails", body: JSON.stringify(hello), idempotencyKey: "k1", status: 200, end: "answered" },
      { method: "GET", path: "/emails/none", status: 404 },
    ]);
    expect(await sandbox.calls("?key=k1")).toEqual([calls[0]]);
    expect(await sandbox.calls("?path=/mail/emails/*")).toEqual([calls[1]]);
    expect(await sandbox.calls("?method=post&provider=mail&path=/emails")).toEqual([calls[0]]);
    expect(await sandbox.calls("?provider=slack")).toEqual([]);
  });

  it("forgets everything on demand", async () => {
    await sandbox.send(hello, { "idempotency-key": "k1" });
    await sandbox.fault({ status: 500 });
    expect((await sandbox.ask("DELETE", "/__calls")).status).toBe(204);
    const all = await Promise.all([sandbox.calls(), sandbox.mails(), sandbox.faults(), sandbox.effects()]);
    expect(all).toEqual([[], [], [], { total: 0, keyless: 0, keys: {}, repeated: {} }]);
    await sandbox.send({ ...hello, subject: "Other" }, { "idempotency-key": "k1" });
    expect(await sandbox.mails()).toHaveLength(1);
  });
});

describe("the page's form", () => {
  const post = (fields: Record<string, string>) =>
    fetch(`${sandbox.url}/__faults/form`, { method: "POST", body: new URLSearchParams(fields), redirect: "manual", signal: AbortSignal.timeout(60_000) });

  it.each(kinds.map(({ label, fault }, index) => [label, fault, index] as const))("sets a fault that %s", async (_label, fault, index) => {
    expect((await post({ provider: "mail", kind: String(index), times: "3", path: "/emails" })).status).toBe(303);
    expect(await sandbox.faults()).toMatchObject([{ provider: "mail", path: "/emails", times: 3, ...fault }]);
  });

  it.each([
    [{ provider: "mial", kind: "0" }, "There is no provider &quot;mial&quot;; there are mail, postmark,"],
    [{ provider: "mail", kind: "99" }, "Choose what goes wrong."],
    [{ provider: "mail", kind: "0", times: "-1" }, "&quot;times&quot; must be a whole number from 1."],
  ])("refuses %j with what would be right", async (fields, sentence) => {
    const answer = await post(fields);
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining(sentence)]);
    expect(await sandbox.faults()).toEqual([]);
  });

  it("lists the faults in force and removes one or all", async () => {
    const [first] = [await sandbox.fault({ reset: true }), await sandbox.fault({ status: 500 }), await sandbox.fault({ delayMs: 1 })];
    expect((await sandbox.ask("GET", "/")).text).toContain(`value="${first}"`);
    await post({ remove: first });
    expect(await sandbox.faults()).toHaveLength(2);
    await post({ remove: "all" });
    expect(await sandbox.faults()).toEqual([]);
  });

  it("is described by a call for each kind in docs/sandbox.md", () => {
    const page = readFileSync(resolve(import.meta.dirname, "../../docs/sandbox.md"), "utf8");
    const described = [...page.matchAll(/__faults --json '([^']+)'/g)].map(([, json]) => JSON.parse(json ?? "") as FaultSpec);
    const { provider: _provider, times: _times, ...bare } = { ...described[0] };
    expect(bare).toEqual(kinds[0]?.fault);
    for (const { fault } of kinds) expect(described).toContainEqual(expect.objectContaining(fault));
  });
});
