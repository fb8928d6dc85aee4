import { describe, expect, test } from "vitest";
import { pausedShape } from "../../src/intake/pause-shapes";
import { typesShape } from "../../src/intake/shapes";
import { queuesShape } from "../../src/intake/routes/queues";
import { gateShape } from "../../src/intake/routes/gates";
import { root } from "./bench";
import { givenJob } from "./given";
import { bench, own, other, get, fits, useTenants } from "./operations-bench";

useTenants();

describe("gates", () => {
  test("are listed for a token with the scope read, with times as text", async () => {
    const answer = await get("/v1/gates");
    expect(answer.status).toBe(200);
    expect(answer.body.gates.every((each: unknown) => fits(gateShape, each))).toBe(true);
    expect(answer.body.gates[0]).toMatchObject({ dependency: "mail", circuit: "open", openUntil: "2026-10-01T12:00:30.000Z", held: 2, parked: 3 });
    expect((await get("/v1/gates?limit=1")).body.gates).toHaveLength(1);
  });

  test("of all tenants are the circuits that the report finds open, each with its tenant", async () => {
    const [gate] = await bench.deps.gates.named("ops-own", ["mail"]);
    bench.deps.reports = { ...bench.deps.reports, openGates: async () => (gate ? ["ops-own", "ops-other"].map((tenant) => ({ ...gate, tenant })) : []) };
    const { body } = await bench.call("GET", "/v1/gates", { token: root });
    expect(body.gates.every((each: unknown) => fits(gateShape, each))).toBe(true);
    expect([body.gates.map(({ tenant, dependency }: Record<string, string>) => [tenant, dependency]), body.cursor]).toEqual([
      [
        ["ops-own", "mail"],
        ["ops-other", "mail"],
      ],
      null,
    ]);
    expect((await bench.call("GET", "/v1/gates?limit=1", { token: root })).body.gates).toHaveLength(1);
    expect((await get("/v1/gates")).body.gates[0]).toMatchObject({ tenant: "ops-own", dependency: "mail" });
  });

  test("are probed and reset by operators, whatever their names hold", async () => {
    for (const [path, act] of [
      ["mail/reset", "reset ops-own/mail"],
      ["shop:main/probe", "probe ops-own/shop:main"],
      ["shop%3Amain/probe", "probe ops-own/shop:main"],
      ["hook-x.example:8443/reset", "reset ops-own/hook-x.example:8443"],
    ]) {
      const answer = await bench.call("POST", `/v1/gates/${path}`, { token: own.operate });
      expect(answer.status, path).toBe(200);
      expect(fits(gateShape, answer.body)).toBe(true);
      expect(bench.seen.gates.at(-1)).toBe(act);
    }
    for (const path of ["unknown/reset", "Mail/reset", "a%2Fb/reset", "%E0%A4/reset", "pause%2Ftype%2Femail/reset"])
      expect((await bench.call("POST", `/v1/gates/${path}`, { token: own.operate })).status, path).toBe(404);
    expect((await bench.call("POST", "/v1/gates/mail/reset", { token: own.read })).status).toBe(403);
  });

  test("are closed when what they stand before is set anew", async () => {
    const put = async (path: string, body: object) => expect((await bench.call("PUT", path, { token: own.admin, body })).status, path).toBeLessThan(300);
    bench.seen.gates.length = 0;
    await put("/v1/connections/mail", { provider: "resend", baseUrl: "https://api.example.com", apiKey: "re_x12345678901234567890" });
    await put("/v1/sites/main", { platform: "prestashop", url: "https://shop.example.com", key: "K".repeat(32) });
    await put("/v1/destinations/erp", { url: "https://erp.example.com/in", events: ["lead.created"] });
    await put("/v1/destinations/slack", { enabled: true });
    await put("/v1/subscriptions/saas", { url: "https://saas.example.com/in", events: ["job.done"], secret: `whsec_${btoa("s".repeat(32))}` });
    expect(bench.seen.gates).toEqual(
      ["mail", "shop:main", "orders:main", "products:main", "supplier-orders:main", "destination-erp", "subscription-saas"].map(
        (gate) => `changed ops-own/${gate}`,
      ),
    );
  });
});

describe("queues and types", () => {
  const act = (path: string, options: { token: string; tenant?: string }) => bench.call("POST", path, options);
  const paused = async (token: string) =>
    (await get("/v1/queues", token)).body.queues.find((each: { queue: string }) => each.queue === "events").paused as boolean;

  test("are listed with backlog, policy and the schema of the payload", async () => {
    for (let count = 0; count < 2; count++) await givenJob("ops-own");
    const queues = await get("/v1/queues");
    expect(fits(queuesShape, queues.body)).toBe(true);
    const eventsIn = ({ body }: typeof queues) => body.queues.find((each: { queue: string }) => each.queue === "events");
    expect(eventsIn(queues)).toMatchObject({
      queue: "events",
      types: ["note"],
      backlog: null,
      bytes: null,
      oldestAt: null,
      held: 0,
      ready: 2,
      health: "ready",
      paused: false,
    });
    const all = await bench.call("GET", "/v1/queues", { token: root });
    expect(eventsIn(all)).toMatchObject({ queue: "events", backlog: 12, bytes: 3400, oldestAt: "2026-10-01T11:59:55.000Z" });
    const acting = await bench.call("GET", "/v1/queues", { token: root, tenant: "ops-own" });
    expect(eventsIn(acting)).toMatchObject({ backlog: 12 });
    const types = await get("/v1/types");
    expect(fits(typesShape, types.body)).toBe(true);
    const note = types.body.types.find((each: { type: string }) => each.type === "note");
    expect(note).toMatchObject({
      version: 1,
      queues: ["events"],
      policy: { maxAttempts: 5 },
      payload: { type: "object", required: ["text"], additionalProperties: false },
    });
  });

  test("that do not exist cannot be paused", async () => {
    expect((await act("/v1/queues/nothing/pause", { token: own.operate })).status).toBe(404);
    expect((await act("/v1/types/nothing/pause", { token: own.operate })).status).toBe(404);
  });

  test("are paused for one tenant by its token, for all tenants by the root token alone", async () => {
    const held = await act("/v1/queues/events/pause", { token: own.operate });
    expect(held).toMatchObject({ status: 200, body: { scope: "queue", name: "events", tenant: "ops-own", paused: true } });
    expect(fits(pausedShape, held.body)).toBe(true);
    expect([await paused(own.read), await paused(other.read), await paused(root)]).toEqual([true, false, false]);
    await act("/v1/queues/events/resume", { token: own.operate });
    expect((await act("/v1/queues/events/pause", { token: root })).body.tenant).toBe("*");
    expect([await paused(own.read), await paused(other.read), await paused(root)]).toEqual([true, true, true]);
    const kept = await act("/v1/queues/events/resume", { token: own.operate });
    expect(kept).toMatchObject({ status: 200, body: { paused: true, pauses: [{ tenant: "*", actor: "root" }] } });
    await act("/v1/queues/events/pause", { token: own.operate });
    const lifted = await act("/v1/queues/events/resume", { token: root });
    expect(lifted.body).toMatchObject({ tenant: "*", paused: false, pauses: [{ tenant: "ops-own" }] });
    expect((await act("/v1/queues/events/resume", { token: own.operate })).body).toMatchObject({ paused: false, pauses: [] });
    await act("/v1/types/note/pause", { token: root, tenant: "ops-other" });
    expect((await get("/v1/pauses", root)).body.pauses).toMatchObject([{ tenant: "ops-other", scope: "type", name: "note" }]);
    await act("/v1/types/note/resume", { token: other.operate });
  });

  test("a tenant is paused by its own token or the root token", async () => {
    expect((await act("/v1/tenants/ops-own/pause", { token: own.operate })).body).toMatchObject({ scope: "tenant", name: "ops-own", paused: true });
    expect((await act("/v1/tenants/ops-own/pause", { token: other.operate })).status).toBe(403);
    expect((await act("/v1/tenants/nobody/pause", { token: root })).status).toBe(404);
    await act("/v1/tenants/ops-own/resume", { token: root });
    expect((await get("/v1/pauses", root)).body.pauses).toEqual([]);
  });
});
