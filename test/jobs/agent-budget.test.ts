import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { type Agent, type AgentDefinition, defineAgent } from "../../src/domain/agents/define";
import { boundedText } from "../../src/bounded";
import { failed, type Failure, ok } from "../../src/queue/effect";
import { type AgentBenchOptions, createAgentBench, type ScriptedReply, scriptedModel } from "./agent-bench";

const input = v.strictObject({ ask: v.optional(boundedText(200)) });
const output = v.strictObject({ answer: boundedText(200) });
type Definition = AgentDefinition<typeof input, typeof output>;

const worker = (more: Partial<Definition> = {}): Agent =>
  defineAgent({
    type: "worker",
    description: "Of the tests.",
    instructions: "Work.",
    input,
    prepare: (given) => Promise.resolve(ok({ data: given, ids: [], reads: "trusted" })),
    output,
    ...more,
  });

const final: ScriptedReply = { text: '{"answer":"ready"}' };
const payload = { agentType: "worker" };
const bench = (replies: ScriptedReply[], more: AgentBenchOptions = {}) => createAgentBench(replies, { agents: [worker()], ...more });

describe("a budget", () => {
  test.each([
    ["a time-out", { class: "transient", reason: "no answer", code: "timeout" }, true],
    ["a server error", { class: "transient", reason: "500", code: "500" }, true],
    ["a server error with a code of its own", { class: "transient", reason: "500", code: "server_error" }, true],
    ["a filtered answer", { class: "permanent", reason: "filtered", code: "content_filter" }, true],
    ["a rate limit", { class: "limited", reason: "429", code: "rate_limit_exceeded" }, false],
    ["an account without money", { class: "config", reason: "429", code: "insufficient_quota" }, false],
    ["too long a context", { class: "permanent", reason: "400", code: "context_length_exceeded" }, false],
  ] as [string, Failure, boolean][])("counts what may have been billed: %s", async (_what, failure, isBilled) => {
    const world = bench([failure]);
    const job = await world.start(payload);
    expect(((await world.run(job.id))?.micros ?? 0) > 0).toBe(isBilled);
    expect((await world.runs.spend("worker", world.bench.now())).agent.micros > 0).toBe(isBilled);
  });

  test("weighs a call by its bytes: letters of other scripts are more tokens than their number", async () => {
    const long = "漢".repeat(2000);
    const world = bench([final], { agents: [worker({ prepare: () => Promise.resolve(ok({ data: long, ids: [], reads: "trusted" })) })] });
    await world.deps.putBudget(world.tenant, "worker", { maxTokens: 9999 });
    // 6,000 bytes of input and 4,000 tokens of answer.
    expect(await world.start(payload)).toBeDiscarded(/budget of 9999 tokens/);
    expect(world.models.chats).toHaveLength(0);
  });

  test("of seconds ends a call that would take longer", async () => {
    const slow = { ...scriptedModel(final) };
    let questions = 0;
    const world = bench([], {
      agents: [worker({ limits: { maxSeconds: 0.05 } })],
      models: {
        ...slow,
        chat: (_chat, signal) => {
          questions++;
          return new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed({ class: "transient", reason: "the run ended" }))));
        },
      },
    });
    expect(await world.start(payload)).toBeDiscarded("the budget of 0.05 s in model calls is used up");
    expect(questions).toBe(1);
  });

  test("of seconds counts calls without an answer", async () => {
    const world = bench([], {
      models: scriptedModel(() => {
        world.bench.advance(400_000);
        return { class: "transient", reason: "no answer", code: "timeout" };
      }),
    });
    const job = await world.start(payload);
    for (let round = 0; round < 3; round++) await world.after(3_600_000);
    expect(await job.reload()).toBeDiscarded("the budget of 600 s in model calls is used up");
  });

  test("of a tenant's month holds for all agents together, slows them down, and lets them go on when it is raised", async () => {
    const start = Date.UTC(2026, 10, 21, 12);
    const world = bench([final], { start });
    const most = { agent: 1_000_000, tenant: 1_000_000 };
    await world.deps.putBudget(world.tenant, null, { usdPerMonth: 1 });
    const other = { job: "x", agent: "other", revision: 0 };
    expect(await world.runs.reserve(other, { tokens: 1, micros: 850_000 }, most, start - 1000)).toBe(true);
    expect(await world.runs.reserve({ ...other, agent: "third" }, { tokens: 1, micros: 150_001 }, most, start)).toBe(false);
    const slowed = await world.start(payload);
    expect(slowed).toHaveWaited("slowed down: most of the month's budget of 1 USD for all agents is used");
    expect(await world.runs.reserve(other, { tokens: 1, micros: 145_000 }, most, start)).toBe(true);
    const stopped = await world.start(payload);
    expect(stopped).toHaveWaited("the month's budget of 1 USD for all agents is used up");
    expect(stopped.due).toBe(Date.UTC(2026, 11, 1));
    expect(world.models.chats).toEqual([]);
    await world.deps.putBudget(world.tenant, null, { usdPerMonth: 10 });
    await world.untilIdle();
    for (const job of [slowed, stopped]) expect(await job.reload()).toBeDone();
  });
});
