import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { createAgentRuns } from "../../src/domain/agents/store";
import { createPayloads } from "../../src/ledger/payloads";
import { type IntakeBench, createIntakeBench, type Tokens } from "./bench";
import { givenJob, now } from "./given";

let bench: IntakeBench;
let tokens: Tokens;
let tenant = "";
let count = 0;

beforeAll(async () => {
  bench = createIntakeBench();
  tenant = "agents-api";
  tokens = await bench.tenant(tenant);
});

/** A run that has read, answered, and waits for a person. */
async function waitingRun(agent = "content-management", body: unknown = { texts: [text(1)] }, answer: object = { text: "", output: body }): Promise<string> {
  const job = await givenJob(tenant, { type: "agent", state: "waiting", payload: JSON.stringify({ agentType: agent, dryRun: false, input: {} }) });
  const runs = createAgentRuns(env.DB, createPayloads(env.PAYLOADS), tenant);
  const run = { job, agent, revision: 0 };
  await runs.open({ ...run, dry: false, inputHash: "" }, now + ++count);
  const tool = agent === "sync-doctor" ? "retry_jobs" : "save_texts";
  const step = { place: 0, tokens: 0, micros: 0 };
  const writes = [
    ...(await runs.stepWrites(run, { ...step, step: 0, kind: "input", body: { data: { about: "Ada" }, ids: ["product:1"], reads: "untrusted" } }, now)).writes,
    ...(await runs.stepWrites(run, { ...step, step: 1, kind: "model", tokens: 1100, micros: 450, body: modelBody(answer) }, now)).writes,
    ...runs.proposeWrites(run, { step: 1, place: 1, tool, body, expiresAt: now + 1000 }, now),
  ];
  await env.DB.batch(writes as D1PreparedStatement[]);
  return job;
}

const text = (productId: number) => ({ productId, description: "A mug.", metaTitle: "Mug", metaDescription: "A mug." });
const modelBody = (answer: object) => ({ text: "", toolCalls: [], model: "m", promptHash: "0".repeat(64), tokens: { input: 1000, output: 100 }, ...answer });
const call = (method: string, path: string, scope: keyof Tokens, body?: unknown) =>
  bench.call(method, path, { token: tokens[scope], ...(body === undefined ? {} : { body }) });

test("a run shows its steps, its cost and the proposal that waits", async () => {
  const id = await waitingRun();
  const { status, body } = await call("GET", `/v1/agent-runs/${id}`, "read");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    id,
    agentType: "content-management",
    dryRun: false,
    steps: [
      { n: 0, kind: "input", tokens: 0, usd: 0 },
      { n: 1, kind: "model", model: "m", promptHash: "0".repeat(64), tokens: 1100, usd: 0.00045, output: { texts: [text(1)] } },
    ],
    proposal: { texts: [text(1)] },
    approval: { state: "pending", tool: "save_texts", edited: false, decidedBy: null },
  });
  const listed = await call("GET", "/v1/agent-runs?agentType=content-management&limit=1", "read");
  expect(listed.body.agentRuns[0]).toMatchObject({ id, agentType: "content-management" });
});

test("a run is approved once, as it is or edited within its schema, and who did it is recorded", async () => {
  const id = await waitingRun();
  expect((await call("POST", `/v1/agent-runs/${id}/approve`, "read", {})).status).toBe(403);
  const wrong = await call("POST", `/v1/agent-runs/${id}/approve`, "operate", { proposal: { texts: [{ ...text(1), price: 0 }] } });
  expect([wrong.status, wrong.body.errors]).toEqual([422, [{ path: "proposal.texts[0].price", message: expect.stringContaining("is not a field here") }]]);
  const edited = { texts: [{ ...text(1), metaTitle: "Blue mug" }] };
  const approved = await call("POST", `/v1/agent-runs/${id}/approve`, "operate", { proposal: edited });
  expect([approved.status, approved.body.proposal, approved.body.approval]).toMatchObject([
    200,
    edited,
    { state: "approved", edited: true, decidedBy: expect.any(String), decidedByName: "operate" },
  ]);
  expect((await call("POST", `/v1/agent-runs/${id}/approve`, "operate", {})).status).toBe(409);
  expect((await call("POST", `/v1/agent-runs/${id}/reject`, "operate", {})).status).toBe(409);
  expect(await audited(id)).toEqual([{ action: "approve", actor: approved.body.approval.decidedBy, detail: "edited" }]);
});

const audited = async (target: string) =>
  (await env.DB.prepare("SELECT action, actor, detail FROM audit WHERE tenant = ? AND target = ?").bind(tenant, target).all()).results;

test("two decisions at once: one holds, the other is a 409 and leaves no line in the audit", async () => {
  const id = await waitingRun();
  const answers = await Promise.all(["approve", "reject"].map((what) => call("POST", `/v1/agent-runs/${id}/${what}`, "operate", {})));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  expect(await audited(id)).toHaveLength(1);
});

test("a decision holds for the proposal that was seen, not for one that came after it", async () => {
  const id = await waitingRun();
  const seen = (await call("GET", `/v1/agent-runs/${id}`, "read")).body.approval.id as string;
  const runs = createAgentRuns(env.DB, createPayloads(env.PAYLOADS), tenant);
  const run = { job: id, agent: "content-management", revision: 0 };
  // The run goes on to another one, as after a decision that another person made.
  await env.DB.prepare("UPDATE agent_proposals SET state = 'approved', woken = 1 WHERE tenant = ? AND job = ?").bind(tenant, id).run();
  const later = { step: 2, place: 1, tool: "save_texts", body: { texts: [text(2)] }, expiresAt: now + 1000 };
  await env.DB.batch(runs.proposeWrites(run, later, now) as D1PreparedStatement[]);
  for (const what of ["approve", "reject"]) {
    const refused = await call("POST", `/v1/agent-runs/${id}/${what}`, "operate", { id: seen });
    expect([refused.status, refused.body.detail]).toEqual([409, "Another proposal is pending now: 0.2.1."]);
  }
  expect((await call("POST", `/v1/agent-runs/${id}/approve`, "operate", { id: "0.2.1" })).status).toBe(200);
});

test("the proposal of a run that was cancelled is not decided", async () => {
  const id = await waitingRun();
  await env.DB.prepare("UPDATE jobs SET state = 'cancelled', ended = ? WHERE tenant = ? AND id = ?").bind(now, tenant, id).run();
  const refused = await call("POST", `/v1/agent-runs/${id}/approve`, "operate", {});
  expect([refused.status, refused.body.detail]).toEqual([409, "The run has ended: it is cancelled."]);
});

test("all agents together have a budget of the month", async () => {
  expect((await call("GET", "/v1/agents", "read")).body).toMatchObject({ budget: { usdPerMonth: 100 }, month: { usd: 0 } });
  const set = await call("PUT", "/v1/agents/budget", "admin", { usdPerMonth: 12.5 });
  expect([set.status, set.body.budget]).toEqual([200, { usdPerMonth: 12.5 }]);
  expect((await call("GET", "/v1/agents", "read")).body).toMatchObject({ budget: { usdPerMonth: 12.5 } });
  expect((await call("PUT", "/v1/agents/budget", "operate", {})).status).toBe(403);
  for (const usdPerMonth of [-1, 1e9, "1"]) expect((await call("PUT", "/v1/agents/budget", "admin", { usdPerMonth })).status).toBe(422);
  expect((await call("PUT", "/v1/agents/budget", "admin", {})).body.budget).toEqual({ usdPerMonth: 100 });
});

test("the name of a tool that a model made up is masked, and so are names of fields in what is wrong", async () => {
  const verdict = { summary: "A lead.", intent: "buy", urgency: "high", score: 80, nextStep: "Call." };
  const toolCalls = [{ id: "c", name: "call_Ada_Lovelace", input: {} }];
  const id = await waitingRun("lead-analysis", {}, { output: { verdict }, toolCalls });
  const runs = createAgentRuns(env.DB, createPayloads(env.PAYLOADS), tenant);
  const body = { tool: "call_Ada_Lovelace", input: {}, refused: "there is no such tool", reads: "trusted" as const };
  const { writes } = await runs.stepWrites(
    { job: id, agent: "lead-analysis", revision: 0 },
    { step: 1, place: 1, kind: "tool", tokens: 0, micros: 0, body },
    now,
  );
  await env.DB.batch(writes as D1PreparedStatement[]);
  const shown = await call("GET", `/v1/agent-runs/${id}`, "read");
  expect(shown.text).not.toContain("Lovelace");
  expect(shown.body.steps.at(-1)).toMatchObject({ kind: "tool", tool: "•••", error: "there is no such tool" });
  expect((await call("GET", `/v1/agent-runs/${id}?reveal=1`, "admin")).text).toContain("call_Ada_Lovelace");
});

test("a person's edit names nothing that the run was not given", async () => {
  const id = await waitingRun();
  const refused = await call("POST", `/v1/agent-runs/${id}/approve`, "operate", { proposal: { texts: [text(1), text(9)] } });
  expect([refused.status, refused.body.errors]).toEqual([422, [{ path: "proposal", message: "names what the run was not given: product:9" }]]);
});

test("a run is approved without a body, and rejected with a reason", async () => {
  const [one, other] = [await waitingRun(), await waitingRun()];
  expect((await bench.call("POST", `/v1/agent-runs/${one}/approve`, { token: tokens.operate })).status).toBe(200);
  const rejected = await call("POST", `/v1/agent-runs/${other}/reject`, "operate", { reason: "Wrong tone." });
  expect(rejected.body.approval).toMatchObject({ state: "rejected", reason: "Wrong tone." });
});

test("what is personal is masked, and shown to an admin who asks, who is recorded", async () => {
  const verdict = { summary: "Ada wants two rooms.", intent: "buy", urgency: "high", score: 80, nextStep: "Call Ada." };
  const id = await waitingRun("lead-analysis", {}, { text: JSON.stringify({ verdict }), output: { verdict } });
  for (const scope of ["read", "admin"] as const) {
    const { text: shown, body } = await call("GET", `/v1/agent-runs/${id}`, scope);
    expect(shown).not.toContain("Ada");
    expect(body.steps[1].output).toMatchObject({ verdict: { score: 80, summary: "•••" } });
  }
  expect((await call("GET", `/v1/agent-runs/${id}?reveal=1`, "read")).text).not.toContain("Ada");
  expect((await call("GET", `/v1/agent-runs/${id}?reveal=1`, "admin")).text).toContain("Ada wants two rooms.");
  expect(bench.seen.audits.filter(({ target }) => target === id)).toMatchObject([{ action: "reveal" }]);
});

test("an agent is stopped, started, and given a budget", async () => {
  expect((await call("GET", "/v1/agents", "read")).body.agents.map(({ type }: { type: string }) => type)).toEqual([
    "content-management",
    "lead-analysis",
    "sync-doctor",
  ]);
  const stopped = await call("POST", "/v1/agents/sync-doctor/stop", "operate");
  expect(stopped.body).toMatchObject({ type: "sync-doctor", stopped: { at: new Date(now).toISOString(), by: expect.any(String) } });
  const listed = (await call("GET", "/v1/agents", "read")).body.agents.find(({ type }: { type: string }) => type === "sync-doctor");
  expect(listed.stopped).toMatchObject({ by: stopped.body.stopped.by, byName: "operate" });
  expect((await call("POST", "/v1/agents/sync-doctor/start", "operate")).body.stopped).toBeNull();
  const set = await call("PUT", "/v1/agents/sync-doctor/budget", "admin", { maxSteps: 2, usdPerMonth: 0 });
  expect(set.body.budget).toMatchObject({ maxSteps: 2, usdPerMonth: 0, usdPerRun: 0.5 });
  expect((await call("PUT", "/v1/agents/sync-doctor/budget", "operate", { maxSteps: 2 })).status).toBe(403);
  expect((await call("PUT", "/v1/agents/sync-doctor/budget", "admin", { maxSteps: 0, usd: 1 })).status).toBe(422);
  expect((await call("POST", "/v1/agents/nobody/stop", "operate")).status).toBe(404);
});

test("a job that is no agent's is no run; one that has not begun has no steps and no proposal", async () => {
  const note = await givenJob(tenant);
  expect((await call("GET", `/v1/agent-runs/${note}`, "read")).status).toBe(404);
  expect((await call("POST", `/v1/agent-runs/${note}/approve`, "operate", {})).status).toBe(404);
  const queued = await givenJob(tenant, { type: "agent", payload: JSON.stringify({ agentType: "sync-doctor", dryRun: true, input: {} }) });
  expect((await call("GET", `/v1/agent-runs/${queued}`, "read")).body).toMatchObject({
    agentType: "sync-doctor",
    dryRun: true,
    state: "queued",
    steps: [],
    usd: 0,
  });
  expect((await call("POST", `/v1/agent-runs/${queued}/approve`, "operate", {})).status).toBe(409);
});

test("another tenant sees and decides nothing", async () => {
  const id = await waitingRun();
  const others = await bench.tenant("agents-other");
  const paths = [
    ["GET", ""],
    ["POST", "/approve"],
    ["POST", "/reject"],
  ] as const;
  for (const [method, path] of paths) expect((await bench.call(method, `/v1/agent-runs/${id}${path}`, { token: others.admin })).status).toBe(404);
  expect((await bench.call("GET", "/v1/agent-runs", { token: others.admin })).body).toEqual({ agentRuns: [], cursor: null });
});
