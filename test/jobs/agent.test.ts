import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { calling, type ScriptedReply, scriptedModel } from "./agent-bench";
import { acted, final, payload, bench } from "./agent-tools";

describe("a run", () => {
  test("asks the model, makes its calls, and ends with an answer that fits", async () => {
    const world = bench([calling("look", { id: "1" }), calling("keep", { id: "2" }), final]);
    const job = await world.start(payload);
    expect(job).toBeDone({ agentType: "worker", dryRun: false, output: { answer: "ready" } });
    expect(acted.map(({ tool, key }) => [tool, key])).toEqual([
      ["look", `${job.id}:s1:0:0`],
      ["keep", `${job.id}:s2:0:0`],
    ]);
    const run = await world.run(job.id);
    expect(run?.steps.map(({ step, place, kind }) => [step, place, kind])).toEqual([
      [0, 0, "input"],
      [1, 0, "model"],
      [1, 1, "tool"],
      [2, 0, "model"],
      [2, 1, "tool"],
      [3, 0, "model"],
    ]);
    // 3 × (1,000 × 0.25 + 100 × 2) millionths of a USD.
    expect(run).toMatchObject({ micros: 1350, tokens: 3300 });
    expect(world.models.chats[2]?.messages).toEqual([
      { role: "system", content: expect.stringContaining("Work.") },
      { role: "user", content: "{}" },
      { role: "assistant", content: "", toolCalls: [{ id: "call_1", name: "look", input: { id: "1" } }] },
      { role: "tool", toolCallId: "call_1", content: '{"output":{"seen":"1"}}' },
      { role: "assistant", content: "", toolCalls: [{ id: "call_1", name: "keep", input: { id: "2" } }] },
      { role: "tool", toolCallId: "call_1", content: '{"output":{"did":"keep"}}' },
    ]);
  });

  test("keeps large records in R2", async () => {
    const large = "x".repeat(20_000);
    const world = bench([{ text: "", ...calling("look", { id: "1" }) }, { text: JSON.stringify({ answer: "ready", more: large }) }, final]);
    const job = await world.start(payload);
    const kept = await env.PAYLOADS.list({ prefix: `${world.tenant}/${job.id}/` });
    expect(kept.objects).toHaveLength(1);
    expect((await world.run(job.id))?.steps.find(({ step }) => step === 2)?.body).toMatchObject({ text: expect.stringContaining(large) });
  });

  const script = [calling("look", { id: "1" }), calling("keep", { id: "2" }), final];
  // Each record is a moment to die at: before it, all that was done since the one before is lost or not, as it was recorded elsewhere.
  test.each([1, 2, 3, 4, 5, 6])("that is killed before its record %i goes on without a second tool call", async (fatal) => {
    let records = 0;
    const world = bench([...script.slice(0, 1), ...script.slice(1)], {
      models: scriptedModel((chat) => script[chat.messages.filter(({ role }) => role === "assistant").length] as never),
      beforeRecord: (what) => {
        if (what === "stepWrites" && ++records === fatal) throw new Error("the Worker died");
      },
    });
    const job = await world.start(payload);
    expect(job).toBeRetried();
    await world.after(60_000);
    expect(await job.reload()).toBeDone({ output: { answer: "ready" } });
    expect(acted.map(({ tool }) => tool)).toEqual(["look", "keep"]);
  });

  test.each([1, 2, 3, 4, 5, 6])("that is killed after its record %i asks the model nothing again", async (fatal) => {
    let records = 0;
    const earlierReplies: number[] = [];
    const world = bench([], {
      models: scriptedModel((chat) => {
        const replyCount = chat.messages.filter(({ role }) => role === "assistant").length;
        earlierReplies.push(replyCount);
        return script[replyCount] as never;
      }),
      beforeRecord: (what) => {
        // The first look after a record.
        if (what === "stepWrites") records++;
        if (what === "settings" && records === fatal && ++records) throw new Error("the Worker died");
      },
    });
    const job = await world.start(payload);
    await world.after(60_000);
    expect(await job.reload()).toBeDone();
    expect(earlierReplies).toEqual([0, 1, 2]);
    expect(acted.map(({ tool }) => tool)).toEqual(["look", "keep"]);
  });
});

describe("an answer that cannot be used", () => {
  test.each([
    ["no JSON", { text: "Gladly!" }, "it is no JSON"],
    ["another value", { text: '{"answer":1}' }, "it does not fit: answer must be text"],
    ["one with a field too many", { text: '{"answer":"a","b":1}' }, "it does not fit: it has fields that were not asked for"],
    ["one that was cut off", { text: '{"ans', end: "length" }, "it was cut off at the bound of 4000 tokens"],
  ] as [string, ScriptedReply, string][])("being %s is asked for once more", async (_what, flawed, flaw) => {
    const repaired = bench([flawed, final]);
    expect(await repaired.start(payload)).toBeDone();
    expect(repaired.models.chats[1]?.messages.at(-1)).toEqual({
      role: "user",
      content: `That answer cannot be used: ${flaw}. Answer again, as you were asked.`,
    });
    const hopeless = bench([flawed]);
    expect(await hopeless.start(payload)).toBeDiscarded(`the model's answers cannot be used: ${flaw}`);
    expect(hopeless.models.chats).toHaveLength(2);
  });

  test("twice asking for what cannot be called ends the run", async () => {
    const world = bench([calling("drop_database", {})]);
    expect(await world.start(payload)).toBeDiscarded();
    expect(world.models.chats).toHaveLength(2);
    expect(acted).toEqual([]);
  });
});

describe("a budget", () => {
  test.each([
    ["steps", { maxSteps: 2 }, 2, "the budget of 2 steps is used up"],
    ["tokens", { maxTokens: 5500 }, 1, /over its budget of 5500 tokens \(1100 used, up to \d+ needed\)$/],
    ["money", { usdPerRun: 0.0085 }, 1, /over its budget of 0\.0085 USD \(0\.00045 used, up to 0\.0\d+ needed\)$/],
  ] as const)("of %s stops a run before the call that could exceed it", async (_what, budget, calls, reason) => {
    const world = bench([calling("look", { id: "1" })]);
    await world.deps.putBudget(world.tenant, "worker", budget);
    const job = await world.start(payload);
    expect(job).toBeDiscarded(reason);
    expect(world.models.chats).toHaveLength(calls);
    const { micros = 0, tokens = 0 } = (await world.run(job.id)) ?? {};
    expect(micros).toBeLessThanOrEqual(8500);
    expect(tokens).toBeLessThanOrEqual(5500);
  });

  test("is kept across retries: what a lost answer may have cost stays counted", async () => {
    const lost: ScriptedReply = { class: "transient", reason: "no answer" };
    const world = bench([lost, lost, final]);
    const job = await world.start(payload);
    for (let round = 0; round < 3; round++) await world.after(3_600_000);
    expect(await job.reload()).toBeDone();
    const { micros = 0 } = (await world.run(job.id)) ?? {};
    expect(micros).toBeGreaterThan(2 * 8000);
    expect(micros).toBeLessThan(2 * 9000 + 450);
  });

  test("is not touched by a call that was certainly not billed", async () => {
    const world = bench([{ class: "limited", reason: "429", retryAfter: 5, code: "rate_limit_exceeded" }, final]);
    const job = await world.start(payload);
    expect(job).toHaveWaited("429");
    expect(await world.run(job.id)).toMatchObject({ micros: 0, tokens: 0 });
    await world.after(10_000);
    expect(await world.run(job.id)).toMatchObject({ micros: 450 });
  });

  test("of a month slows runs down from 80 % on, then lets them wait for the next month", async () => {
    const start = Date.UTC(2026, 10, 21, 12);
    const world = bench([final], { start });
    const runs = world.runs;
    const most = { agent: 1_000_000, tenant: 100_000_000 };
    await world.deps.putBudget(world.tenant, "worker", { usdPerMonth: 1 });
    await runs.reserve({ job: "x", agent: "worker", revision: 0 }, { tokens: 1, micros: 850_000 }, most, start - 1000);
    const slowed = await world.start(payload);
    expect(slowed).toHaveWaited("slowed down: most of the month's budget of 1 USD is used");
    world.bench.advance(3_600_000);
    await world.bench.tick();
    await world.untilIdle();
    expect(await slowed.reload()).toBeDone();
    await runs.reserve({ job: "x", agent: "worker", revision: 0 }, { tokens: 1, micros: 145_000 }, most, start);
    const stopped = await world.start(payload);
    expect(stopped).toHaveWaited("the month's budget of 1 USD is used up");
    expect(stopped.due).toBe(Date.UTC(2026, 11, 1));
    expect(world.models.chats).toHaveLength(1);
  });
});

describe("a dry run", () => {
  test.each([
    ["by its payload", { ...payload, dryRun: true }, {}],
    ["by its job", payload, { dryRun: true }],
  ])("%s asks the model and reads, and records what it would do", async (_how, given, more) => {
    const world = bench([calling("look", { id: "1" }), calling("send", { id: "2" }), final]);
    const job = await world.start(given, more);
    expect(job).toBeDone({ dryRun: true, output: { answer: "ready" } });
    expect(acted.map(({ tool }) => tool)).toEqual(["look"]);
    const run = await world.run(job.id);
    expect(run?.steps.find(({ step, place }) => step === 2 && place === 1)?.body).toEqual({
      tool: "send",
      input: { id: "2" },
      would: { tool: "send", input: { id: "2" } },
      reads: "trusted",
    });
  });
});

test.each([
  [{ class: "config", reason: "models: 429 insufficient_quota", code: "insufficient_quota" }, "discarded"],
  [{ class: "permanent", reason: "models: 400 context_length_exceeded", code: "context_length_exceeded" }, "discarded"],
  [{ class: "permanent", reason: "models: the answer was filtered", code: "content_filter" }, "discarded"],
  [{ class: "limited", reason: "models: 429 rate_limit_exceeded", code: "rate_limit_exceeded", retryAfter: 3 }, "waiting"],
  [{ class: "transient", reason: "models: 500", code: "500" }, "retrying"],
] as const)("a model that fails with %o leaves the job %s", async (failure, state) => {
  const world = bench([failure]);
  expect((await world.start(payload)).state).toBe(state);
});
