import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { removeRuns } from "../../src/domain/agents/erase";
import { defineAgent, defineTool } from "../../src/domain/agents/define";
import { createPayloads } from "../../src/ledger/payloads";
import { boundedText } from "../../src/queue/bounded";
import { ok } from "../../src/queue/effect";
import { cancel, retryNow } from "../../src/queue/operate";
import { type AgentBench, calling, createAgentBench, type Said, scriptedModel } from "./agent-bench";

let tenant = "";
let count = 0;
let saved: unknown[] = [];

beforeEach(() => {
  tenant = `again-${++count}`;
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
const answer = (said: string): Said => ({ text: JSON.stringify({ answer: said }) });
const bench = (said: Said[], more: Partial<Parameters<typeof createAgentBench>[0]> = {}) => {
  const models = scriptedModel(...said);
  return { ...createAgentBench({ agents: [writer], models, ...more }), models };
};
const stateOf = async (world: AgentBench, id: string) => {
  const row = await world.bench.row(id);
  return { state: row?.state, reason: row?.reason };
};
const replay = async (world: AgentBench, id: string, patched?: object) => {
  const anew = patched ? { patched: { payload: JSON.stringify(patched), version: 1 } } : {};
  await retryNow(world.bench.engine, [{ tenant, id, ...anew }], { event: "replayed", from: ["discarded", "dead", "done", "cancelled"] });
  await world.go();
};
const unusable: Said = { text: "Gladly!" };

describe("a replay with a changed payload", () => {
  test("begins anew: no recorded answer and no approval of the one before counts for it", async () => {
    const world = bench([answer("one"), answer("two")]);
    const id = await world.start(tenant, payload);
    await world.decide(tenant, id, { state: "approved", by: "root" });
    // It dies with the approval in its records.
    await env.DB.prepare("UPDATE jobs SET state = 'dead', ended = 1, sent = NULL, due = NULL WHERE tenant = ? AND id = ?").bind(tenant, id).run();
    await replay(world, id, { ...payload, dryRun: false, input: { ask: "two" } });
    expect(await stateOf(world, id)).toMatchObject({ state: "waiting", reason: "a person has to approve save" });
    expect(saved).toEqual([]);
    expect(world.models.asked.map(({ messages }) => messages[1]?.content)).toEqual(['{"ask":"one"}', '{"ask":"two"}']);
    const run = await world.run(tenant, id);
    // The approval raised it once: nothing had been done until then.
    expect(run?.proposal).toMatchObject({ revision: 2, state: "pending", body: { text: "two" } });
    expect(run?.steps.map(({ revision, step, place }) => [revision, step, place])).toEqual([
      [0, 0, 0],
      [0, 1, 0],
      [2, 0, 0],
      [2, 1, 0],
    ]);
    expect(await world.decide(tenant, id, { state: "approved", by: "root" })).toBe(true);
    await world.go();
    expect(saved).toEqual([{ text: "two" }]);
    expect((await stateOf(world, id)).state).toBe("done");
  });

  test("leaves no proposal of the payload before to be approved", async () => {
    const world = bench([answer("one"), answer("two")]);
    const id = await world.start(tenant, payload);
    const seen = (await world.run(tenant, id))?.proposal;
    await env.DB.prepare("UPDATE jobs SET state = 'dead', ended = 1, sent = NULL, due = NULL WHERE tenant = ? AND id = ?").bind(tenant, id).run();
    await replay(world, id, { ...payload, input: { ask: "two" } });
    expect(seen && (await world.deps.decide(tenant, id, { at: seen, state: "approved", by: "root" }))).toBe(false);
    expect(saved).toEqual([]);
  });
});

test("a run that its budget ended goes on where it stopped when it is retried under a larger one", async () => {
  const world = bench([unusable, answer("one")]);
  await world.deps.putBudget(tenant, "writer", { maxSteps: 1 });
  const id = await world.start(tenant, payload);
  expect(await stateOf(world, id)).toEqual({ state: "discarded", reason: "the budget of 1 steps is used up" });
  await world.deps.putBudget(tenant, "writer", { maxSteps: 5 });
  await replay(world, id);
  expect((await stateOf(world, id)).state).toBe("waiting");
  expect((await world.run(tenant, id))?.steps.map(({ kind }) => kind)).toEqual(["input", "model", "model"]);
});

describe("a run that ended because its answers could not be used", () => {
  test("asks again when it is retried, and its circuit hears how that went", async () => {
    const calls: string[] = [];
    const world = bench([unusable, unusable, answer("one")], { onResult: (gate, how) => void (gate.startsWith("agent:") && calls.push(how)) });
    const id = await world.start(tenant, payload);
    expect((await stateOf(world, id)).state).toBe("discarded");
    await replay(world, id);
    expect(await stateOf(world, id)).toMatchObject({ state: "waiting", reason: "a person has to approve save" });
    expect(world.models.asked).toHaveLength(3);
    expect(calls).toEqual(["transient"]);
    expect((await world.run(tenant, id))?.steps.map(({ kind }) => kind)).toEqual(["input", "model", "model", "retry", "model"]);
  });

  test("has one repair again, and ends when that fails", async () => {
    const world = bench([unusable]);
    const id = await world.start(tenant, payload);
    await replay(world, id);
    expect(await stateOf(world, id)).toEqual({ state: "discarded", reason: "the model's answers cannot be used: it is no JSON" });
    expect(world.models.asked).toHaveLength(4);
  });
});

describe("erasing what a run holds while it runs", () => {
  const rowsOf = async (id: string) =>
    (
      await Promise.all(
        ["agent_steps", "agent_proposals"].map((table) => env.DB.prepare(`SELECT job FROM ${table} WHERE tenant = ? AND job = ?`).bind(tenant, id).all()),
      )
    ).flatMap(({ results }) => results);
  const objects = async () => (await env.PAYLOADS.list({ prefix: `${tenant}/` })).objects.map(({ key }) => key);

  test.each([
    ["after its job was cancelled", true],
    ["by its row alone", false],
  ])("%s leaves no record of what comes after", async (_how, cancelled) => {
    let id = "";
    const world: AgentBench = bench([], {
      models: scriptedModel(async () => {
        const [row] = await world.bench.all<{ job: string }>("SELECT job FROM agent_runs WHERE tenant = ?", tenant);
        id = row?.job ?? "";
        if (cancelled) await cancel(world.bench.engine, { tenant, id });
        await removeRuns(env.DB, createPayloads(env.PAYLOADS), tenant, [id]);
        return { text: JSON.stringify({ answer: "x".repeat(20_000) }) };
      }),
    });
    await world.start(tenant, payload);
    expect(await rowsOf(id)).toEqual([]);
    if (cancelled) expect((await stateOf(world, id)).state).toBe("cancelled");
    if (cancelled) expect(await objects()).toEqual([]);
  });

  test("takes texts from R2 of which a killed run has no row", async () => {
    const world = bench([answer("x".repeat(20_000))]);
    const id = await world.start(tenant, payload);
    await createPayloads(env.PAYLOADS).put(tenant, `${id}/left`, "of a run that was killed before it recorded this");
    await removeRuns(env.DB, createPayloads(env.PAYLOADS), tenant, [id]);
    expect([await objects(), await rowsOf(id)]).toEqual([[], []]);
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
  const id = await world.start(tenant, payload);
  expect(JSON.stringify((await world.run(tenant, id))?.steps.filter(({ kind }) => kind === "tool").map(({ body }) => body))).not.toMatch(
    /refused[^}]*Lovelace/,
  );
});
