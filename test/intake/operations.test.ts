import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { failureKind } from "../../src/ledger/failure-kind";
import { replayShape } from "../../src/intake/replay-shapes";
import { replaysShape } from "../../src/intake/routes/replays";
import { pausedShape } from "../../src/intake/pause-shapes";
import { deadLettersShape, groupsShape, typesShape } from "../../src/intake/shapes";
import { queuesShape } from "../../src/intake/routes/queues";
import { gateShape } from "../../src/intake/routes/gates";
import { createIntakeBench, root, type Tokens } from "./bench";
import { iso } from "../../src/time/iso";
import { type GivenJob, givenJob, now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("ops-own");
  other = await bench.tenant("ops-other");
});

const get = (path: string, token = own.read) => bench.call("GET", path, { token });
const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);
const givenDead = (tenant: string, more: GivenJob = {}) => givenJob(tenant, { state: "dead", settled: { reason: "503" }, ...more });

describe("dead letters", () => {
  const place = "0".repeat(34);

  test("are listed with what they failed of, never with a payload", async () => {
    const id = await givenDead("ops-own");
    await givenJob("ops-own", { state: "discarded", settled: { reason: "422 no such address" } });
    const group = await failureKind("note", "503");
    const { body, text } = await get(`/v1/dead-letters?state=dead&group=${group}&limit=3`);
    expect(body.deadLetters).toHaveLength(1);
    expect(body.deadLetters).toMatchObject([{ id, type: "note", state: "dead", reason: "503", diedAt: "2026-10-01T12:00:00.000Z" }]);
    expect(fits(deadLettersShape, body)).toBe(true);
    expect(text).not.toContain("anna@example.com");
    expect((await get("/v1/dead-letters?limit=1")).body).toMatchObject({ deadLetters: [{}], cursor: expect.any(String) });
    const groups = await get("/v1/dead-letters/groups");
    expect(groups.body.groups).toHaveLength(2);
    expect(groups.body.groups).toContainEqual(expect.objectContaining({ group, count: 1, examples: [id] }));
    expect(fits(groupsShape, groups.body)).toBe(true);
    expect((await get("/v1/dead-letters", other.read)).body.deadLetters).toEqual([]);
  });

  test.each(["state=queued", "group=", "reason=x", `cursor=${place}`, `cursor=x.${place}`, "cursor=1.garbage", "from=2026-10-01&to=2026-10-01"])(
    "refuse ?%s",
    async (query) => {
      expect((await get(`/v1/dead-letters?${query}`)).status).toBe(422);
    },
  );

  test("take a cursor of theirs", async () => {
    expect((await get(`/v1/dead-letters?cursor=1790000000000.${place}`)).status).toBe(200);
  });
});

describe("replays", () => {
  const replay = (body: unknown, token = own.admin) => bench.call("POST", "/v1/replays", { token, body });
  const made = async () => (await get("/v1/replays")).body.replays;

  test.each([
    [{}, ""],
    [{ filter: {} }, "filter"],
    [{ filter: { type: undefined } }, "filter"],
    [{ ids: [] }, "ids"],
    [{ filter: { type: "note" }, ids: ["0"] }, ""],
    [{ plan: true }, ""],
    [{ filter: { state: "done" } }, "filter.state"],
    [{ filter: { q: "  " } }, "filter.q"],
    [{ filter: { from: "2026-10-02", to: "2026-10-01" } }, "filter.from"],
    [{ filter: { type: "note" }, canary: -1 }, "canary"],
    [{ filter: { type: "note" }, patch: {} }, "patch"],
    [{ filter: { type: "note" }, patch: [] }, "patch"],
    [{ filter: { type: "note" }, ratePerMinute: 0 }, "ratePerMinute"],
    [{ ids: Array(1001).fill("0") }, "ids"],
  ])("refuse %j", async (body, path) => {
    const answer = await replay(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((issue: { path: string }) => issue.path)).toContain(path);
    expect(await made()).toEqual([]);
  });

  test("refuse ids of another tenant, by place", async () => {
    const ids = [await givenJob("ops-own"), await givenJob("ops-other"), "forged"];
    expect((await replay({ ids })).body).toMatchObject({ status: 422, errors: [{ path: "ids[1]" }, { path: "ids[2]" }] });
  });

  test("count a job that is named twice once", async () => {
    const [one, two] = [await givenDead("ops-own"), await givenDead("ops-own")];
    expect((await replay({ ids: [one, two, one, one], plan: true })).body).toMatchObject({ total: 2 });
  });

  test("are planned without being made", async () => {
    const { admin } = await bench.tenant("ops-planned");
    for (let n = 0; n < 7; n++) await givenDead("ops-planned");
    await givenDead("ops-planned", { at: now - 24 * 3_600_000 });
    const plan = await replay({ filter: { type: "note", from: "2026-10-01" }, plan: true }, admin);
    expect(plan).toMatchObject({ status: 200, body: { total: 7, byType: { note: 7 }, refused: [] } });
    expect((await get("/v1/replays", admin)).body.replays).toEqual([]);
  });

  test("with a patch, planned or not, need an admin and leave a row that names the fields and no value", async () => {
    const ids = [await givenDead("ops-own")];
    const patch = { connection: null, url: "https://attacker.example/x", "ada@x.example": 1 };
    for (const body of [
      { ids, patch },
      { ids, patch, plan: true },
      { ids, patch: {} },
      { ids, patch: null },
    ]) {
      expect((await replay(body, own.operate)).body).toMatchObject({ status: 403, detail: 'The field "patch" needs the scope "admin".' });
    }
    expect(bench.seen.audits).toEqual([]);
    expect((await replay({ ids, plan: true }, own.operate)).status).toBe(200);
    expect((await replay({ ids, patch, plan: true })).status).toBe(200);
    const patched = await replay({ ids, patch });
    const actor = expect.stringMatching(/^[a-z0-9-]+$/);
    const row = { tenant: "ops-own", actor, action: "patch", detail: "connection, url, [e-mail]", at: now };
    expect(bench.seen.audits).toEqual([
      { ...row, target: "plan" },
      { ...row, target: patched.body.id },
      { tenant: "ops-own", actor, action: "replay", target: patched.body.id, at: now },
    ]);
  });

  test("are made, watched and stopped once, by their own tenant", async () => {
    const ids = await Promise.all([1, 2].map(() => givenDead("ops-own")));
    const made = await replay({ ids, patch: { text: "new" }, ratePerMinute: 60, canary: 1 });
    expect(made.status).toBe(202);
    expect(fits(replayShape, made.body)).toBe(true);
    const path = made.headers.get("location") ?? "";
    expect(path).toBe(`/v1/replays/${made.body.id}`);
    expect((await get(path)).body).toMatchObject({ state: "running", ratePerMinute: 60 });
    expect((await get(path, other.read)).status).toBe(404);
    const abort = (token: string) => bench.call("POST", `${path}/abort`, { token });
    expect((await abort(other.operate)).status).toBe(404);
    expect((await abort(own.operate)).body).toMatchObject({ state: "stopped" });
    expect((await abort(own.operate)).body).toMatchObject({ status: 409, detail: "The replay has ended: it is stopped." });
  });

  test("with a patch go on by an admin alone, who leaves a row that names the fields", async () => {
    const { admin, operate } = await bench.tenant("ops-redirected");
    for (let n = 0; n < 2; n++) await givenDead("ops-redirected");
    const made = await replay({ filter: { type: "note" }, patch: { text: "new" }, canary: 1 }, admin);
    const call = (act: string, token: string) => bench.call("POST", `/v1/replays/${made.body.id}/${act}`, { token });
    expect((await call("abort", operate)).status).toBe(200);
    bench.seen.audits.length = 0;
    expect((await call("resume", operate)).body).toMatchObject({ status: 403, detail: 'The replay has a patch: to resume it needs the scope "admin".' });
    expect((await get(`/v1/replays/${made.body.id}`, admin)).body).toMatchObject({ state: "stopped", unsent: 1, resumed: null });
    expect(bench.seen.audits).toEqual([]);
    const resumed = await call("resume", admin);
    expect(resumed.body).toMatchObject({ state: "running", resumed: { at: iso(now), reason: "an operator stopped it", stoppedAt: iso(now) } });
    expect(fits(replayShape, resumed.body)).toBe(true);
    expect(bench.seen.audits).toMatchObject([
      { action: "patch", target: made.body.id, detail: "text" },
      { action: "resume", target: `replays/${made.body.id}` },
    ]);
  });

  test("that have sent all their jobs are not stopped", async () => {
    const { operate } = await bench.tenant("ops-all-sent");
    const made = await replay({ ids: [await givenDead("ops-all-sent")] }, operate);
    const answer = await bench.call("POST", `/v1/replays/${made.body.id}/abort`, { token: operate });
    expect(answer.body).toMatchObject({ status: 409, detail: "The replay has sent all its jobs: there is nothing left to stop." });
  });

  test("change their rate while they run and go on when they were stopped, for those who may operate, and leave rows", async () => {
    const { operate, read } = await bench.tenant("ops-rate");
    for (let n = 0; n < 2; n++) await givenDead("ops-rate");
    const made = await replay({ filter: { type: "note" }, ratePerMinute: 60, canary: 1 }, operate);
    const path = made.headers.get("location") ?? "";
    const change = (body: unknown, token = operate) => bench.call("PATCH", path, { token, body });
    bench.seen.audits.length = 0;
    const changed = await change({ ratePerMinute: 600 });
    expect(changed).toMatchObject({ status: 200, body: { ratePerMinute: 600, tenant: "ops-rate" } });
    expect(fits(replayShape, changed.body)).toBe(true);
    expect((await change({ ratePerMinute: null })).body).toMatchObject({ ratePerMinute: null });
    for (const body of [{}, { ratePerMinute: 0 }, { ratePerMinute: 1.5 }, { ratePerMinute: 100_001 }, { ratePerMinute: "9" }, { rate: 9 }])
      expect((await change(body)).status, JSON.stringify(body)).toBe(422);
    expect((await change({ ratePerMinute: 9 }, read)).status).toBe(403);
    expect((await change({ ratePerMinute: 9 }, other.operate)).status).toBe(404);
    const resume = (token = operate) => bench.call("POST", `${path}/resume`, { token });
    expect((await resume()).body).toMatchObject({ status: 409, detail: "The replay is not stopped: it is running." });
    await bench.call("POST", `${path}/abort`, { token: operate });
    expect((await change({ ratePerMinute: 9 })).body).toMatchObject({ status: 409, detail: "The replay does not run: it is stopped." });
    expect((await resume(read)).status).toBe(403);
    expect((await resume(other.operate)).status).toBe(404);
    expect((await resume()).body).toMatchObject({ state: "running", reason: null, endedAt: null });
    const target = path.replace("/v1/", "");
    expect(bench.seen.audits.map(({ action, target: of, detail }) => [action, of, detail])).toEqual([
      ["rate", target, "600 a minute"],
      ["rate", target, "as fast as they can"],
      ["abort", target, undefined],
      ["resume", target, undefined],
    ]);
    expect((await bench.call("DELETE", path, { token: operate })).headers.get("allow")).toContain("PATCH");
  });

  test("are listed with what they replay, without an address that was searched for and without values of a patch", async () => {
    const { admin, read } = await bench.tenant("ops-listed");
    await replay({ filter: { q: "ann@example.org", from: "2026-10-01" }, patch: { to: "eve@example.org", "eve@example.org": 1 } }, admin);
    const listed = await get("/v1/replays", read);
    expect(fits(replaysShape, listed.body)).toBe(true);
    expect(listed.body.replays).toMatchObject([
      { tenant: "ops-listed", filter: { q: "[e-mail]", from: "2026-10-01T00:00:00.000Z" }, ids: null, patched: ["to", "[e-mail]"] },
    ]);
    expect(listed.text).not.toContain("@example.org");
    expect((await get("/v1/replays", other.read)).body.replays).toEqual([]);
    const all = await bench.call("GET", "/v1/replays", { token: root });
    expect(all.body.replays).toContainEqual(listed.body.replays[0]);
    expect((await get("/v1/replays?cursor=nonsense")).status).toBe(422);
  });
});

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
