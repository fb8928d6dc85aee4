import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { callHeartbeat } from "../../src/domain/installation/beat";
import { createInstallationStore } from "../../src/domain/installation/store";
import { tick, type TickDeps } from "../../src/intake/tick/tick";
import { createTicks } from "../../src/ledger/ticks";
import { createHttp } from "../../src/providers/http";
import { parseKeyRing } from "../../src/tenants/keys";
import { createVault } from "../../src/tenants/vault";
import { neverAnswers, stubFetch } from "../providers/fetch-stub";
import { createIntakeBench, root, type Tokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
const url = "https://hc.example.com/ping/0b9f2c4e-secret";

beforeAll(async () => {
  own = await bench.tenant("beat-own");
});

beforeEach(async () => {
  vi.unstubAllGlobals();
  await env.DB.batch([env.DB.prepare("DELETE FROM installation"), env.DB.prepare("DELETE FROM ticks")]);
});

const put = (body: unknown, token = root) => bench.call("PUT", "/v1/heartbeat", { token, body });

describe("the heartbeat address", () => {
  test("is the root's to set, is audited, and only its host is shown", async () => {
    expect((await bench.call("GET", "/v1/heartbeat", { token: root })).status).toBe(404);
    expect((await put({ url }, own.admin)).status).toBe(403);
    const answer = await put({ url });
    expect(answer).toMatchObject({ status: 200, body: { host: "hc.example.com", last: null } });
    expect(answer.text).not.toContain("secret");
    expect(bench.seen.audits.at(-1)).toMatchObject({ tenant: "*", actor: "root", action: "set", target: "heartbeat hc.example.com" });
    const stored = await env.DB.prepare("SELECT sealed FROM installation").first<{ sealed: string }>();
    expect(stored?.sealed).not.toContain("example");
    expect((await bench.call("DELETE", "/v1/heartbeat", { token: root })).status).toBe(204);
    expect((await bench.call("DELETE", "/v1/heartbeat", { token: root })).status).toBe(404);
  });

  test.each([
    ["removed", () => bench.call("DELETE", "/v1/heartbeat", { token: root })],
    ["replaced", () => put({ url: "https://other.example.com/ping" })],
  ])("that is %s takes its newest call with it: the report warns of it no more", async (_what, change) => {
    await put({ url });
    await createTicks(env.DB).record([{ step: "heartbeat", outcome: "failed", at: now, ms: 1, detail: "it answered 500" }]);
    const failing = async () =>
      (await bench.call("GET", "/v1/report", { token: root })).body.findings.filter(({ code }: { code: string }) => code === "heartbeat-failing").length;
    expect(await failing()).toBe(1);
    await change();
    expect(await failing()).toBe(0);
    expect((await createTicks(env.DB).list()).map(({ step }) => step)).toEqual([]);
  });

  test.each([
    "http://hc.example.com/x",
    "https://127.0.0.1/x",
    "https://169.254.169.254/latest",
    "https://jobs.example.com/x",
    "x",
    `https://a.example/${"x".repeat(3000)}`,
    5,
  ])("may not be %s", async (wrong) => {
    const answer = await put({ url: wrong });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: "url" }] } });
    expect(await env.DB.prepare("SELECT 1 FROM installation").first()).toBeNull();
  });
});

describe("a tick", () => {
  const settings = createInstallationStore(env.DB, createVault(parseKeyRing("ENCRYPTION_KEYS", "e1:ZW5jcnlwdGlvbi1rZXktb2YtdGhlLXRlc3RzLTAxMjM=")));
  const http = createHttp({ rules: { ownHosts: [], allowLocal: false } });
  const measured: number[] = [];
  const run = (steps: Partial<TickDeps>) =>
    tick(
      {
        steps: [{ name: "sweep", run: async () => ({}) }],
        clock: () => now,
        record: (outcomes) => createTicks(env.DB).record(outcomes),
        alert: () => undefined,
        measure: (ms) => measured.push(ms),
        beat: () => callHeartbeat(settings, http),
        ...steps,
      },
      now,
    );
  const recorded = async () => (await createTicks(env.DB).list()).find(({ step }) => step === "heartbeat");

  test("that ended well calls the address; without one it calls nothing", async () => {
    const seen = stubFetch(new Response("OK"));
    await run({});
    expect([seen.length, await recorded()]).toEqual([0, undefined]);
    await settings.put("heartbeat", { url }, now);
    await run({});
    expect(seen.map(({ url: called, method }) => [called, method])).toEqual([[url, "GET"]]);
    expect(await recorded()).toMatchObject({ outcome: "done", at: now });
    expect(measured).toHaveLength(2);
  });

  test("with a failing step, or whose end could not be recorded, calls nothing", async () => {
    const seen = stubFetch(new Response("OK"));
    await settings.put("heartbeat", { url }, now);
    await run({ steps: [{ name: "sweep", run: () => Promise.reject(new Error("D1 is down")) }] });
    await run({ record: () => Promise.reject(new Error("D1 is down")) });
    expect(seen).toEqual([]);
  });

  test("takes no further step once D1's limit of the day refused one; after another failure it goes on", async () => {
    const after = async (message: string) => {
      let taken = 0;
      const refused = { name: "sweep", run: () => Promise.reject(new Error(message)) };
      const next = { name: "schedules", run: async () => (taken++, {}) };
      await run({ steps: [refused, next, next] });
      return taken;
    };
    expect(await after("D1_ERROR: Your account has exceeded D1's free tier daily row write limit. Upgrade to a paid plan")).toBe(0);
    expect(await after("D1_ERROR: D1 is down")).toBe(2);
  });

  test.each([
    ["an answer that is no success", () => new Response("gone", { status: 404 }), "it answered 404"],
    ["a lost connection", new Error("Network connection lost."), "the connection failed"],
    ["a redirect to a private address", () => new Response(null, { status: 302, headers: { location: "https://10.0.0.1/" } }), "was redirected"],
  ] as const)("survives %s; the report says so as a warning, and nothing of the address", async (_what, answer, reason) => {
    stubFetch(answer);
    await settings.put("heartbeat", { url }, now);
    const outcomes = await run({});
    expect(outcomes.map(({ step, outcome }) => [step, outcome])).toEqual([["sweep", "done"]]);
    const record = await recorded();
    expect(record).toMatchObject({ outcome: "failed", detail: expect.stringContaining(reason) });
    expect(record?.detail).not.toContain("secret");
    const { body } = await bench.call("GET", "/v1/report", { token: root });
    const codes = body.findings.map(({ code, severity }: { code: string; severity: string }) => [code, severity]);
    expect(codes).toContainEqual(["heartbeat-failing", "warning"]);
    expect(codes).not.toContainEqual(["tick-failing", "critical"]);
  });

  test("waits five seconds for an answer at most", async () => {
    const limits: (number | undefined)[] = [];
    stubFetch(neverAnswers);
    await settings.put("heartbeat", { url }, now);
    const beaten = await callHeartbeat(settings, (request) => {
      limits.push(request.timeLimit);
      return http({ ...request, timeLimit: 1 });
    });
    expect([beaten, limits]).toEqual([{ ok: false, reason: expect.stringContaining("timed out") }, [5000]]);
  });

  test("that cannot read the setting goes on: its key was taken out", async () => {
    await settings.put("heartbeat", { url }, now);
    await env.DB.prepare("UPDATE installation SET sealed = 'v1.gone.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA'").run();
    await run({});
    expect(await recorded()).toMatchObject({ outcome: "failed", detail: expect.stringContaining("cannot be opened") });
  });

  test("seals the setting anew under a new key", async () => {
    await settings.put("heartbeat", { url }, now);
    const ring = "e2:bmV3LWVuY3J5cHRpb24ta2V5LW9mLXRoZS10ZXN0czE=,e1:ZW5jcnlwdGlvbi1rZXktb2YtdGhlLXRlc3RzLTAxMjM=";
    const next = createInstallationStore(env.DB, createVault(parseKeyRing("ENCRYPTION_KEYS", ring)));
    expect([await next.rotate(), await next.rotate()]).toEqual([1, 0]);
    expect((await next.read("heartbeat"))?.value).toEqual({ url });
  });
});
