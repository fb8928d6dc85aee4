import { env } from "cloudflare:workers";
import * as v from "valibot";
import { failureKind } from "../../src/ledger/failure-kind";
import { beforeAll, describe, expect, test } from "vitest";
import { jobShape, jobsShape } from "../../src/intake/shapes";
import { states } from "../../src/queue/state";
import { createIntakeBench, root, type Tokens } from "./bench";
import { type GivenJob, givenJob, ids, now } from "./given";

const bench = createIntakeBench();

let own: Tokens;

let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("jobs-own");
  other = await bench.tenant("jobs-other");
});

const post = (body: unknown, key?: string) =>
  bench.call("POST", "/v1/jobs", { token: own.enqueue, body, headers: key === undefined ? {} : { "idempotency-key": key } });

const get = (path: string, token = own.read) => bench.call("GET", `/v1/jobs${path}`, { token });

const payload = { text: "hello" };

const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

describe("GET /v1/jobs/{id}", () => {
  test("is 404 for what was never issued, and for another tenant's", async () => {
    const foreign = await givenJob("jobs-other");
    for (const id of ["x", "0".repeat(34), foreign, `${foreign.slice(0, -1)}0`]) expect((await get(`/${id}`)).status, id).toBe(404);
    expect((await get(`/${foreign}`, other.read)).status).toBe(200);
  });

  test("is queued for a genuine id that the ledger does not know yet", async () => {
    const { id } = (await post({ type: "note", payload })).body;
    const { status, body } = await get(`/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      state: "queued",
      attempt: 0,
      progress: { done: 0, total: null, note: null, at: null },
      timeline: [],
      effects: [],
      payload: null,
    });
    expect(fits(jobShape, body)).toBe(true);
  });

  test("names the group of failures that it belongs to, while it fails", async () => {
    const failureOf = async (state: "dead" | "retrying" | "done") =>
      (await get(`/${await givenJob("jobs-own", { state, settled: { reason: 'no template "a7"' } })}`)).body.failure;
    expect(await failureOf("dead")).toBe(await failureKind("note", 'no template "b9"'));
    expect(await failureOf("retrying")).toBe(await failureOf("dead"));
    expect(await failureOf("done")).toBeNull();
  });

  test("shows the whole job, personal fields masked", async () => {
    const id = await givenJob("jobs-own", {
      state: "waiting",
      effects: [{ key: "send", revision: 0, state: "done", result: JSON.stringify({ id: "anna@example.com" }), at: now }],
      settled: { reason: "429 from the provider", progress: JSON.stringify({ done: 3, total: 10, note: "page 3", at: now - 4000 }) },
    });
    const { body, text } = await get(`/${id}`);
    expect(body).toMatchObject({
      ...{ id, type: "note", state: "waiting", attempt: 0, maxAttempts: 5, waitingFor: "429 from the provider", runAt: "2026-10-01T12:01:00.000Z" },
      progress: { done: 3, total: 10, note: "page 3", at: "2026-10-01T11:59:56.000Z" },
      timeline: [{ event: "queued" }, { event: "waiting", detail: "429 from the provider", times: 1 }, { event: "running" }],
      effects: [{ key: "send", state: "done", result: { id: "•••" } }],
      payload: { text: "•••", count: 3 },
      revealed: false,
    });
    expect(body).not.toHaveProperty("error");
    expect(text).not.toContain("anna@example.com");
    expect(fits(jobShape, body)).toBe(true);
    const ended = await get(`/${await givenJob("jobs-own", { state: "done", settled: { result: JSON.stringify({ line: "anna@example.com", times: 2 }) } })}`);
    expect(ended.body).toMatchObject({ state: "done", result: { line: "•••", times: 2 } });
    expect(ended.text).not.toContain("anna@example.com");
  });

  test("names parent, children by state, and the replays that sent it", async () => {
    const dead = { state: "dead", settled: { reason: "503" } } as const;
    const parent = await givenJob("jobs-own", { type: "campaign", state: "done" });
    const id = await givenJob("jobs-own", { ...dead, parent });
    for (const child of [{ state: "done" }, { state: "done" }, dead] as const) await givenJob("jobs-own", { ...child, parent: id });
    const replay = await bench.call("POST", "/v1/replays", { token: own.operate, body: { ids: [id] } });
    const { body } = await get(`/${id}`);
    expect(body).toMatchObject({
      parent,
      parentJob: { type: "campaign", state: "done" },
      children: { total: 3, byState: { done: 2, dead: 1 }, more: false },
      replays: [replay.body.id],
    });
    expect(fits(jobShape, body)).toBe(true);
  });

  test("says why a dead one failed", async () => {
    const id = await givenJob("jobs-own", { state: "dead", settled: { reason: "503" } });
    const { body } = await get(`/${id}`);
    expect(body).toMatchObject({ state: "dead", error: "503", endedAt: "2026-10-01T12:00:00.000Z" });
    expect(body).not.toHaveProperty("waitingFor");
  });

  test("shows what the provider wrote to an admin who asks, and in no list", async () => {
    const id = await givenJob("jobs-own", {
      state: "discarded",
      settled: { reason: "mail: 422 validation_error", providerMessage: "no mailbox ada@x.example" },
    });
    expect((await get(`/${id}?reveal=1`, own.read)).body).toMatchObject({ error: "mail: 422 validation_error", providerMessage: "•••" });
    expect((await get(`/${id}`, own.admin)).body.providerMessage).toBe("•••");
    expect((await get(`/${id}?reveal=1`, own.admin)).body.providerMessage).toBe("no mailbox ada@x.example");
    expect((await get("", own.admin)).text).not.toContain("providerMessage");
  });

  test("reveals to an admin who asks, and records it before showing it", async () => {
    const id = await givenJob("jobs-own");
    const before = bench.seen.audits.length;
    for (const token of [own.read]) expect((await get(`/${id}?reveal=1`, token)).body).toMatchObject({ payload: { text: "•••" }, revealed: false });
    expect((await get(`/${id}?reveal=0`, own.admin)).body.revealed).toBe(false);
    expect(bench.seen.audits).toHaveLength(before);
    expect((await get(`/${id}?reveal=1`, own.admin)).body).toMatchObject({ payload: { text: "anna@example.com" }, revealed: true });
    expect(bench.seen.audits.at(-1)).toMatchObject({ tenant: "jobs-own", action: "reveal", target: id, at: now });
    const byRoot = await bench.call("GET", `/v1/jobs/${id}?reveal=1`, { token: root, tenant: "jobs-own" });
    expect([byRoot.body.revealed, bench.seen.audits.at(-1)?.actor]).toEqual([true, "root"]);
    const silent = createIntakeBench();
    silent.deps.audit = () => Promise.reject(new Error("D1_ERROR: gone"));
    const refused = await silent.call("GET", `/v1/jobs/${id}?reveal=1`, { token: own.admin });
    expect(refused.status).toBe(503);
    expect(refused.text).not.toContain("anna@example.com");
  });

  test("names the version of the template that a mail is rendered with", async () => {
    const versionOf = async (templateId: string, at: number) => {
      const id = await givenJob("jobs-own", { type: "email", payload: JSON.stringify({ to: "anna@example.com", templateId }), at });
      const { body } = await get(`/${id}`);
      expect(fits(jobShape, body)).toBe(true);
      return body.templateVersion;
    };
    for (const text of ["1", "2"]) await bench.deps.templates.put("jobs-own", "versioned", { subject: "s", text }, now + 1000 * Number(text));
    expect(await versionOf("versioned", now + 1500)).toBe(1);
    expect(await versionOf("versioned", now + 2500)).toBe(2);
    expect(await versionOf("welcome", now)).toBe(0);
    expect(await versionOf("nowhere", now)).toBeNull();
    expect((await get(`/${await givenJob("jobs-own")}`)).body).not.toHaveProperty("templateVersion");
  });

  test("masks all of a type that this deployment does not know", async () => {
    const id = await givenJob("jobs-own", { type: "older", payload: JSON.stringify({ anything: "anna@example.com", n: 5 }) });
    expect((await get(`/${id}`)).body.payload).toEqual({ anything: "•••", n: "•••" });
  });

  test("fetches a payload that was too large for its row; gone is null, out of reach is 503", async () => {
    await env.PAYLOADS.put("jobs-own/large", JSON.stringify({ text: "large", count: 3 }));
    const id = await givenJob("jobs-own", { payload: null, ref: "jobs-own/large" });
    expect((await get(`/${id}`)).body.payload).toEqual({ text: "•••", count: 3 });
    expect((await get(`/${await givenJob("jobs-own", { payload: null, ref: "jobs-own/gone" })}`)).body.payload).toBeNull();
    const broken = createIntakeBench();
    broken.deps.loadPayload = () => Promise.reject(new Error("R2 is down"));
    expect((await broken.call("GET", `/v1/jobs/${id}`, { token: own.read })).status).toBe(503);
  });
});

describe("GET /v1/jobs", () => {
  test.each([
    ["state=sleeping", "state"],
    ["type=No", "type"],
    ["siteId=a/b", "siteId"],
    ["q=", "q"],
    [`q=${"x".repeat(201)}`, "q"],
    ["from=yesterday", "from"],
    ["to=2026-10-01T00:00:00", "to"],
    ["limit=0", "limit"],
    ["limit=201", "limit"],
    ["limit=ten", "limit"],
    ["cursor=garbage", "cursor"],
    [`cursor=${"u".repeat(34)}`, "cursor"],
    [`cursor=1.${"0".repeat(34)}`, "cursor"],
    ["from=2026-10-02&to=2026-10-01", "from"],
    ["from=2026-10-01&to=2026-10-01", "from"],
    ["colour=red", "colour"],
    ["state=dead&state=done", "state"],
    ["__proto__=x", "__proto__"],
  ])("refuses ?%s", async (query, path) => {
    expect((await get(`?${query}`)).body).toMatchObject({ status: 422, errors: [{ path }] });
  });

  test("shows what fits its filter, the newest first, page by page, for its own tenant only", async () => {
    const { read } = await bench.tenant("jobs-listed");
    const listed = async (query: string) => (await get(`?${query}`, read)).body;
    const idsOf = ({ jobs }: { jobs: { id: string }[] }) => jobs.map(({ id }) => id);
    const day = 24 * 3_600_000;
    const early = await givenJob("jobs-listed", { at: now - day, site: "shop-1", state: "dead", entities: ["order:9"], settled: { reason: "503" } });
    const late = await givenJob("jobs-listed", { site: "shop-2", state: "done" });
    const mail = await givenJob("jobs-listed", { at: now + 1, type: "email" });
    await givenJob("jobs-own", { at: now + 2 });

    for (const state of states) expect((await get(`?state=${state}`)).status).toBe(200);
    expect(idsOf(await listed(""))).toEqual([mail, late, early]);
    expect(idsOf(await listed("type=note"))).toEqual([late, early]);
    expect(idsOf(await listed("state=dead"))).toEqual([early]);
    expect(idsOf(await listed("siteId=shop-2"))).toEqual([late]);
    expect(idsOf(await listed("q=order:9"))).toEqual([early]);
    expect(idsOf(await listed("from=2026-10-01&to=2026-10-01T12:00:00.001Z"))).toEqual([late]);
    expect(idsOf(await listed("type=note&state=dead&siteId=shop-1&q=order:9&from=2026-09-30&to=2026-10-01&limit=7"))).toEqual([early]);
    const first = await listed("limit=2");
    expect(idsOf(first)).toEqual([mail, late]);
    expect(idsOf(await listed(`limit=2&cursor=${first.cursor}`))).toEqual([early]);
  });

  test("has fifty jobs to a page unless another number is asked for", async () => {
    const { read } = await bench.tenant("jobs-many");
    for (let n = 0; n < 51; n++) await givenJob("jobs-many", { at: now + n });
    expect((await get("", read)).body.jobs).toHaveLength(50);
  });

  test("shows nothing of the payloads", async () => {
    await givenJob("jobs-own");
    const { body, text } = await get("");
    expect(body.jobs.length).toBeGreaterThan(0);
    expect(fits(jobsShape, body)).toBe(true);
    expect(text).not.toMatch(/payload|anna/);
  });
});

describe("the children of a job", () => {
  test("are asked for by its id; another tenant's and what is no id are refused instead of read as none", async () => {
    const parent = await givenJob("jobs-own");
    const foreign = await givenJob("jobs-other");
    // As `context.enqueue` derives them.
    const childOf = async (key: string, more: GivenJob = {}) => givenJob("jobs-own", { id: await ids.derive("jobs-own", [parent, key]), parent, ...more });
    const [child, dead] = [await childOf("one"), await childOf("other", { state: "dead", settled: { reason: "503" } })];
    const listed = async (query: string) => (await get(`?parent=${parent}${query}`)).body.jobs.map(({ id }: { id: string }) => id);
    expect((await listed("")).toSorted()).toEqual([child, dead].toSorted());
    expect(await listed("&state=dead")).toEqual([dead]);
    for (const [wrong, message] of [
      [foreign, "is no job of this tenant"],
      [`${parent.slice(0, -1)}${parent.endsWith("0") ? "1" : "0"}`, "is no job of this tenant"],
      ["x", "must be the id of a job"],
      ["0".repeat(5000), "must be the id of a job"],
    ] as const) {
      const refused = await get(`?parent=${wrong}`);
      expect(refused.status, wrong.slice(0, 40)).toBe(422);
      expect(refused.body.errors).toEqual([{ path: "parent", message: expect.stringContaining(message) }]);
    }
  });
});
