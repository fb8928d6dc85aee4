import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as v from "valibot";
import { listLeads } from "../../src/domain/leads/queries";
import { storeSubmission } from "../../src/domain/leads/store";
import { lead } from "../../src/jobs/lead/job";
import { planOf, recordingDb } from "../support/recorder";
import { createIntakeBench, type Tokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;
const minute = 60_000;

beforeAll(async () => {
  own = await bench.tenant("robots");
  other = await bench.tenant("robots-other");
  await bench.call("PUT", "/v1/projects/homes", { token: own.admin, body: { domains: [], testStrings: ["probe"] } });
});
beforeEach(() => {
  bench.seen.requests.length = 0;
  bench.seen.audits.length = 0;
});

const store = (id: string, payload: unknown, at = now) =>
  storeSubmission(env.DB, { tenant: "robots", id, at, submission: v.parse(lead.payload, payload), reengageHours: 24 });
const reasons = ["honeypot filled", "no tracking session"];
const robot = (id: string, email: string, at = now, more: object = {}) =>
  store(id, { project: "homes", kind: "bot", contact: { email }, suspicion: 55, reasons, ...more }, at);
const get = (path: string) => bench.call("GET", path, { token: own.leads });
const idsOf = async (query: string) => (await get(`/v1/leads?${query}`)).body.leads.map(({ id }: { id: string }) => id);
const release = (id: string, token = own.leads) => bench.call("POST", `/v1/leads/${id}/release`, { token });
/** What the job `lead` does with what was enqueued. */
const run = async () => {
  for (const { own: key, payload } of bench.seen.requests) {
    const submission = v.parse(lead.payload, payload);
    await store(`job-${key?.at(-1)}`, submission, submission.at);
  }
};

describe("a list of leads", () => {
  beforeAll(async () => {
    await store("person", { project: "list", contact: { email: "person@example.com" } }, now + 1);
    for (const [index, id] of ["r1", "r2", "r3"].entries()) await robot(id, `${id}@example.com`, now + index, { project: "list" });
  });

  test("is of robots alone, or of none, or of all, page by page and with every other filter", async () => {
    expect(await idsOf("project=list&bot=true")).toEqual(["r3", "r2", "r1"]);
    expect(await idsOf("project=list&bot=false")).toEqual(["person"]);
    expect(await idsOf("project=list")).toEqual(["r3", "r2", "person", "r1"]);
    expect(await idsOf("bot=true&q=r2")).toEqual(["r2"]);
    expect(await idsOf("bot=true&q=person@example.com")).toEqual([]);
    expect(await idsOf("bot=true&project=homes")).toEqual([]);
    const first = await get("/v1/leads?bot=true&limit=2");
    expect(first.body.leads).toMatchObject([{ id: "r3", bot: true }, { id: "r2" }]);
    expect((await bench.call("GET", "/v1/leads?bot=true", { token: other.leads })).body.leads).toEqual([]);
    expect((await get("/v1/leads/export?bot=true&project=list")).text.trim().split("\r\n")).toHaveLength(4);
    expect((await get("/v1/leads?bot=maybe")).body).toMatchObject({ status: 422, errors: [{ path: "bot" }] });
  });

  test("of robots reads the index of robots alone", async () => {
    const { db, statements } = recordingDb();
    for (const project of [undefined, "list"]) await listLeads(db, "robots", { bot: true, project }, { limit: 2 });
    const plans = (await Promise.all(statements.map(planOf))).flat();
    expect(plans).toEqual(plans.map(() => expect.stringMatching(/^SEARCH l USING INDEX leads_robots_by_time/) as unknown));
    expect(plans).toHaveLength(2);
  });
});

describe("a robot that was none", () => {
  test("is released: its submissions come now, in their order, without the honeypot, and it is a robot no more", async () => {
    await robot("first", "ada@example.com", now - 5 * minute, { form: { message: "old" } });
    await robot("second", "ada@example.com", now - minute, { form: { message: "new" } });
    const answer = await release("first");
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/v1/jobs/${answer.body.id}`]);
    expect(answer.body.jobs).toHaveLength(2);
    expect(bench.seen.requests).toMatchObject([
      { type: "lead", own: ["release", "second"], payload: { kind: "lead", at: now, suspicion: 15, reasons: ["no tracking session"] } },
      { own: ["release", "first"], payload: { kind: "lead", at: now - 1 } },
    ]);
    expect(bench.seen.audits).toMatchObject([{ tenant: "robots", action: "release", target: "lead:first" }]);
    expect((await get("/v1/leads/first")).status).toBe(404);
    await run();
    expect((await get("/v1/leads?q=ada@example.com")).body.leads).toMatchObject([{ bot: false, submissions: 2, createdAt: new Date(now - 1).toISOString() }]);
    expect((await get("/v1/leads/job-second")).body.submissions).toMatchObject([{ form: { message: "new" } }, { form: { message: "old" } }]);
    const left =
      "SELECT (SELECT count(*) FROM lead_submissions WHERE id IN ('first', 'second')) + (SELECT count(*) FROM lead_identities WHERE lead = 'first') AS n";
    expect(await env.DB.prepare(left).first()).toEqual({ n: 0 });
  });

  test("is a test where the project calls it one", async () => {
    await robot("probed", "probe@example.com");
    await release("probed");
    expect(bench.seen.requests).toMatchObject([{ payload: { kind: "test" } }]);
  });

  test("that comes again meanwhile stays a robot with what is new", async () => {
    await robot("again", "again@example.com", now - minute);
    const { enqueue } = bench.deps;
    bench.deps.enqueue = async (requests) => {
      await robot("meanwhile", "again@example.com", now + minute);
      return enqueue(requests);
    };
    await release("again");
    bench.deps.enqueue = enqueue;
    expect((await get("/v1/leads/again")).body.submissions).toMatchObject([{ id: "meanwhile" }]);
    await release("again");
    expect(bench.seen.requests.map(({ own: key }) => key)).toEqual([
      ["release", "again"],
      ["release", "meanwhile"],
    ]);
  });

  test("is not removed when its jobs were refused", async () => {
    await robot("kept", "kept@example.com");
    const { enqueue } = bench.deps;
    bench.deps.enqueue = async (requests) => requests.map(() => ({ ok: false, code: "unavailable", detail: "Down.", errors: [], retryAfter: 5 }));
    const answer = await release("kept");
    bench.deps.enqueue = enqueue;
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await get("/v1/leads/kept")).body).toMatchObject({ bot: true, submissions: [{ id: "kept" }] });
  });

  test("is found by the tenant with the scope only, and what is no robot is a 409", async () => {
    await robot("mine", "mine@example.com");
    await store("human", { project: "homes", contact: { email: "human@example.com" } });
    expect((await release("mine", other.admin)).status).toBe(404);
    expect((await release("mine", own.operate)).status).toBe(403);
    expect((await release("human")).body).toMatchObject({ status: 409 });
    expect(bench.seen.requests).toEqual([]);
  });
});
