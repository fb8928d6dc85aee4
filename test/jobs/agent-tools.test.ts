import { env } from "cloudflare:workers";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { defineTool } from "../../src/domain/agents/define";
import { failed } from "../../src/queue/effect";
import { createGates } from "../../src/tenants/gates";
import type { Chatted } from "../../src/providers/models/models";
import { calling, type ScriptedReply } from "./agent-bench";
import { acted, worker, final, payload, bench } from "./agent-tools";

describe("a tool that writes outside", () => {
  const acting = [calling("read_mail", {}), calling("send", { id: "1" }), final];

  test("is called at once while nothing untrusted was read", async () => {
    const world = bench([calling("send", { id: "1" }), final]);
    expect(await world.start(payload)).toBeDone();
    expect(acted).toMatchObject([{ tool: "send" }]);
  });

  test.each(["input", "tool"])("waits for a person once the %s was untrusted, and is made when one agrees", async (source) => {
    const world = bench(source === "tool" ? acting : acting.slice(1), { agents: [worker(source === "tool" ? "trusted" : "untrusted")] });
    const job = await world.start(payload);
    expect(job).toHaveWaited("a person has to approve send");
    expect(acted).toEqual([]);
    world.bench.advance(3 * 24 * 3_600_000);
    await world.bench.tick();
    await world.untilIdle();
    expect(await job.reload()).toHaveWaited();
    expect((await world.run(job.id))?.proposal).toMatchObject({ state: "pending", tool: "send", body: { id: "1" } });
    expect(await world.decide(job.id, { state: "approved", by: "token-1" })).toBe(true);
    await world.untilIdle();
    expect(await job.reload()).toBeDone({ output: { answer: "ready" } });
    expect(acted).toMatchObject([{ tool: "send", input: { id: "1" } }]);
    expect((await world.run(job.id))?.proposal).toMatchObject({ state: "approved", decidedBy: "token-1", edited: false });
    expect(await world.decide(job.id, { state: "approved", by: "token-1" })).toBe(false);
  });

  test("is made as a person edited it", async () => {
    const world = bench(acting);
    const job = await world.start(payload);
    await world.decide(job.id, { state: "approved", body: { id: "7" }, by: "root" });
    await world.untilIdle();
    expect(acted).toMatchObject([{ tool: "send", input: { id: "7" } }]);
  });

  test("is not made when a person rejects it, and the run ends", async () => {
    const world = bench(acting);
    const job = await world.start(payload);
    await world.decide(job.id, { state: "rejected", reason: "no", by: "root" });
    await world.untilIdle();
    expect(await job.reload()).toBeDone({ output: null, note: "a person rejected the proposal" });
    expect(acted).toEqual([]);
  });

  test("is not made when no person decides in time", async () => {
    const world = bench(acting, { agents: [worker("trusted", { approvalSeconds: 3600 })] });
    const job = await world.start(payload);
    world.bench.advance(3_601_000);
    expect(await world.decide(job.id, { state: "approved", by: "root" })).toBe(false);
    await world.bench.tick();
    await world.untilIdle();
    expect(await job.reload()).toBeDone({ note: "no person decided on the proposal in time" });
    expect((await world.run(job.id))?.proposal).toMatchObject({ state: "expired" });
  });

  test("is made although the decision came while its run was about to wait", async () => {
    const world = bench(acting);
    const job = await world.start(payload);
    // As if the run had not begun to wait when the person decided: nothing was woken.
    await env.DB.prepare("UPDATE agent_proposals SET state = 'approved', woken = 0, decided_at = 1 WHERE tenant = ?").bind(world.tenant).run();
    expect(await world.wakeDecided()).toBe(1);
    await world.untilIdle();
    expect(await job.reload()).toBeDone();
    expect(await world.wakeDecided()).toBe(0);
  });

  test.each([
    ["an id that no trusted data held", "send", { id: "9" }, "the arguments name an id that was not given as one"],
    ["a tool the agent does not have", "shell", { cmd: "rm" }, "there is no such tool"],
    ["arguments that do not fit", "send", { id: 1 }, "the arguments do not fit: id must be text"],
    ["arguments that are no JSON", "send", undefined, "the arguments are no JSON"],
  ])("is not called with %s", async (_what, tool, input, refused) => {
    const world = bench([calling(tool, input), final]);
    const job = await world.start(payload);
    expect((await world.run(job.id))?.steps.find(({ kind }) => kind === "tool")?.body).toMatchObject({ refused });
    expect(acted).toEqual([]);
    expect(await job.reload()).toBeDone();
  });

  test("may name an id that a row brought", async () => {
    const world = bench([calling("look", { id: "1" }), calling("send", { id: "2" }), final]);
    await world.start(payload);
    expect(acted.map(({ tool }) => tool)).toEqual(["look", "send"]);
  });
});

describe("a tool that fails", () => {
  const failing = (failure: Parameters<typeof failed>[0], writes: "none" | "outside") =>
    defineTool({ name: "risky", description: "Fails.", input: v.strictObject({}), reads: "trusted", writes, act: async () => failed(failure) });
  const agentWith = (tool: ReturnType<typeof failing>) => worker("trusted", { tools: [tool] });

  test("for a while is tried again", async () => {
    const world = bench([calling("risky", {}), final], { agents: [agentWith(failing({ class: "transient", reason: "503" }, "outside"))] });
    expect(await world.start(payload)).toBeRetried("503");
    expect(world.models.chats).toHaveLength(1);
  });

  test("for good while it reads is reported to the model", async () => {
    const world = bench([calling("risky", {}), final], { agents: [agentWith(failing({ class: "permanent", reason: "404" }, "none"))] });
    expect(await world.start(payload)).toBeDone();
  });

  test("for good while it acts, or perhaps did, ends the run for a person to look at", async () => {
    const world = bench([calling("risky", {}), final], { agents: [agentWith(failing({ class: "uncertain", reason: "no answer" }, "outside"))] });
    const job = await world.start(payload);
    await world.after(3_600_000);
    expect(await job.reload()).toBeDiscarded(/^risky: uncertain: no answer; look at the provider/);
  });
});

test("the circuit of an agent opens after the configured failures, lets one run try, and closes when it does well", async () => {
  const down: ScriptedReply = { class: "transient", reason: "models: 500", code: "500" };
  const gates = createGates(env.GATE as never, async (_tenant, gate) => (gate.startsWith("agent:") ? { breaker: { failures: 3, openSeconds: 60 } } : {}));
  let isDown = true;
  const world = bench([() => (isDown ? down : (final as Partial<Chatted>))], { gates });
  const started = [];
  for (let each = 0; each < 3; each++) started.push(await world.start(payload));
  expect(world.models.chats).toHaveLength(3);
  const held = await world.start(payload);
  expect(held).toHaveWaited(/^agent:worker: .*open/);
  expect(world.models.chats).toHaveLength(3);
  // The probe fails: closed to all others for twice as long.
  await world.after(61_000);
  expect(world.models.chats).toHaveLength(4);
  isDown = false;
  for (let minute = 0; minute < 30; minute++) {
    world.bench.advance(60_000);
    await world.bench.tick();
    await world.untilIdle();
  }
  for (const job of [...started, held]) expect(await job.reload()).toBeDone();
  expect(await gates.status(world.tenant, "agent:worker", world.bench.now())).toMatchObject({ openUntil: null });
});

test("a stopped agent's runs wait before their next call, and go on when it is started", async () => {
  const world = bench([calling("look", { id: "1" }), final]);
  await world.deps.stop(world.tenant, "worker", "token-1");
  const job = await world.start(payload);
  expect(job).toHaveWaited(/^the agent is stopped since/);
  expect(world.models.chats).toEqual([]);
  await world.deps.start(world.tenant, "worker");
  await world.untilIdle();
  expect(await job.reload()).toBeDone();
});
