import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { removeRuns } from "../../src/domain/agents/erase";
import { defineAgent, defineTool } from "../../src/domain/agents/define";
import { createPayloads } from "../../src/ledger/payloads";
import { boundedText } from "../../src/bounded";
import { ok } from "../../src/queue/effect";
import { cancel, retryNow } from "../../src/queue/operate";
import type { WorkedJob } from "../support/job-bench";
import { type AgentBench, type AgentBenchOptions, calling, createAgentBench, type ScriptedReply, scriptedModel } from "./agent-bench";

let saved: unknown[] = [];

beforeEach(() => {
  saved = [];
});

const text = boundedText(40_000);
const save = defineTool({
  name: "save",
  description: "Stores.",
  input: v.strictObject({ text }),
  reads: "trusted",
  writes: "tenant",
  approval: true,
  act: async (input) => (saved.push(input), ok({ output: "stored" })),
});
const writer = defineAgent({
  type: "writer",
  description: "Of the tests.",
  instructions: "Write.",
  input: v.strictObject({ ask: v.optional(text) }),
  prepare: (input) => Promise.resolve(ok({ data: input, ids: [], reads: "trusted" })),
  output: v.strictObject({ answer: text }),
  conclusion: { tool: save, inputFrom: ({ answer }) => ({ text: answer }) },
});
const payload = { agentType: "writer", input: { ask: "one" } };
const answer = (content: string): ScriptedReply => ({ text: JSON.stringify({ answer: content }) });
const bench = (replies: ScriptedReply[], more: AgentBenchOptions = {}) => createAgentBench(replies, { agents: [writer], ...more });
const replay = async (world: AgentBench, { id }: WorkedJob, patched?: object) => {
  const anew = patched ? { patched: { payload: JSON.stringify(patched), version: 1 } } : {};
  await retryNow(world.bench.engine, [{ tenant: world.tenant, id, ...anew }], { event: "replayed", from: ["discarded", "dead", "done", "cancelled"] });
  await world.untilIdle();
};
/** It dies between two runs. */
const die = ({ id }: WorkedJob) => env.DB.prepare("UPDATE jobs SET state = 'dead', ended = 1, sent = NULL, due = NULL WHERE id = ?").bind(id).run();
const unusable: ScriptedReply = { text: "Gladly!" };

describe("a replay with a changed payload", () => {
  test("begins anew: no recorded answer and no approval of the one before counts for it", async () => {
    const world = bench([answer("one"), answer("two")]);
    const job = await world.start(payload);
    await world.decide(job.id, { state: "approved", by: "root" });
    // It dies with the approval in its records.
    await die(job);
    await replay(world, job, { ...payload, dryRun: false, input: { ask: "two" } });
    expect(await job.reload()).toHaveWaited("a person has to approve save");
    expect(saved).toEqual([]);
    expect(world.models.chats.map(({ messages }) => messages[1]?.content)).toEqual(['{"ask":"one"}', '{"ask":"two"}']);
    const run = await world.run(job.id);
    // The approval raised it once: nothing had been done until then.
    expect(run?.proposal).toMatchObject({ revision: 2, state: "pending", body: { text: "two" } });
    expect(run?.steps.map(({ revision, step, place }) => [revision, step, place])).toEqual([
      [0, 0, 0],
      [0, 1, 0],
      [2, 0, 0],
      [2, 1, 0],
    ]);
    expect(await world.decide(job.id, { state: "approved", by: "root" })).toBe(true);
    await world.untilIdle();
    expect(saved).toEqual([{ text: "two" }]);
    expect(await job.reload()).toBeDone();
  });

  test("leaves no proposal of the payload before to be approved", async () => {
    const world = bench([answer("one"), answer("two")]);
    const job = await world.start(payload);
    const seen = (await world.run(job.id))?.proposal;
    await die(job);
    await replay(world, job, { ...payload, input: { ask: "two" } });
    expect(seen && (await world.deps.decide(world.tenant, job.id, { at: seen, state: "approved", by: "root" }))).toBe(false);
    expect(saved).toEqual([]);
  });
});

test("a run that its budget ended goes on where it stopped when it is retried under a larger one", async () => {
  const world = bench([unusable, answer("one")]);
  await world.deps.putBudget(world.tenant, "writer", { maxSteps: 1 });
  const job = await world.start(payload);
  expect(job).toBeDiscarded("the budget of 1 steps is used up");
  await world.deps.putBudget(world.tenant, "writer", { maxSteps: 5 });
  await replay(world, job);
  expect(await job.reload()).toHaveWaited();
  expect((await world.run(job.id))?.steps.map(({ kind }) => kind)).toEqual(["input", "model", "model"]);
});

describe("a run that ended because its answers could not be used", () => {
  test("calls the model again when it is retried, and reports the result to its circuit", async () => {
    const calls: string[] = [];
    const world = bench([unusable, unusable, answer("one")], { onResult: (gate, how) => void (gate.startsWith("agent:") && calls.push(how)) });
    const job = await world.start(payload);
    expect(job).toBeDiscarded();
    await replay(world, job);
    expect(await job.reload()).toHaveWaited("a person has to approve save");
    expect(world.models.chats).toHaveLength(3);
    expect(calls).toEqual(["transient"]);
    expect((await world.run(job.id))?.steps.map(({ kind }) => kind)).toEqual(["input", "model", "model", "retry", "model"]);
  });

  test("has one repair again, and ends when that fails", async () => {
    const world = bench([unusable]);
    const job = await world.start(payload);
    await replay(world, job);
    expect(await job.reload()).toBeDiscarded("the model's answers cannot be used: it is no JSON");
    expect(world.models.chats).toHaveLength(4);
  });
});

describe("erasing what a run holds while it runs", () => {
  /** All that is left of a run: its records, and its texts in R2. */
  const leftOf = async ({ tenant }: AgentBench, id: string) => {
    const tables = ["agent_steps", "agent_proposals"];
    const rows = await Promise.all(tables.map((table) => env.DB.prepare(`SELECT job FROM ${table} WHERE tenant = ? AND job = ?`).bind(tenant, id).all()));
    const { objects } = await env.PAYLOADS.list({ prefix: `${tenant}/` });
    return { rows: rows.flatMap(({ results }) => results), texts: objects.map(({ key }) => key) };
  };

  test.each([
    ["after its job was cancelled", true],
    ["by its row alone", false],
  ])("%s leaves no record of what comes after", async (_how, cancelled) => {
    let id = "";
    const world: AgentBench = bench([], {
      models: scriptedModel(async () => {
        const [row] = await world.bench.all<{ job: string }>("SELECT job FROM agent_runs WHERE tenant = ?", world.tenant);
        id = row?.job ?? "";
        if (cancelled) await cancel(world.bench.engine, { tenant: world.tenant, id });
        await removeRuns(env.DB, createPayloads(env.PAYLOADS), world.tenant, [id]);
        return { text: JSON.stringify({ answer: "x".repeat(20_000) }) };
      }),
    });
    const job = await world.start(payload);
    const left = await leftOf(world, id);
    expect(left.rows).toEqual([]);
    if (cancelled) expect([job.state, left.texts]).toEqual(["cancelled", []]);
  });

  test("takes texts from R2 of which a killed run has no row", async () => {
    const world = bench([answer("x".repeat(20_000))]);
    const job = await world.start(payload);
    await createPayloads(env.PAYLOADS).put(world.tenant, `${job.id}/left`, "of a run that was killed before it recorded this");
    await removeRuns(env.DB, createPayloads(env.PAYLOADS), world.tenant, [job.id]);
    expect(await leftOf(world, job.id)).toEqual({ rows: [], texts: [] });
  });
});

test("more objects are removed than R2 takes in one call", async () => {
  const deleted: number[] = [];
  const bucket = {
    delete: async (keys: string[]) => {
      if (keys.length > 1000) throw new Error("at most 1,000 keys");
      deleted.push(keys.length);
    },
  };
  await createPayloads(bucket as unknown as R2Bucket).remove(Array.from({ length: 2500 }, (_, each) => `t/${each}`));
  expect(deleted).toEqual([1000, 1000, 500]);
});

test("a call that was refused names no field that a model made up", async () => {
  const world = bench([calling("save", {}), calling("nothing_of_Ada", { "Ada Lovelace": 1 })]);
  const job = await world.start(payload);
  expect(JSON.stringify((await world.run(job.id))?.steps.filter(({ kind }) => kind === "tool").map(({ body }) => body))).not.toMatch(/refused[^}]*Lovelace/);
});
