import { env } from "cloudflare:workers";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { defineTool } from "../../src/domain/agents/define";
import { failed } from "../../src/queue/effect";
import { createGates } from "../../src/tenants/gates";
import type { Chatted } from "../../src/providers/models/models";
import { calling, type Said } from "./agent-bench";
import { tenant, acted, worker, final, payload, bench, stateOf } from "./agent-tools";

describe("a tool that writes outside", () => {
  const acting = [calling("read_mail", {}), calling("send", { id: "1" }), final];

  test("is called at once while nothing untrusted was read", async () => {
    const world = bench([calling("send", { id: "1" }), final]);
    expect((await stateOf(world, await world.start(tenant, payload))).state).toBe("done");
    expect(acted).toMatchObject([{ tool: "send" }]);
  });

  test.each(["input", "tool"])("waits for a person once the %s was untrusted, and is made when one agrees", async (source) => {
    const world = bench(source === "tool" ? acting : acting.slice(1), { agents: [worker(source === "tool" ? "trusted" : "untrusted")] });
    const id = await world.start(tenant, payload);
    expect(await stateOf(world, id)).toMatchObject({ state: "waiting", reason: "a person has to approve send", attempt: 0 });
    expect(acted).toEqual([]);
    world.bench.advance(3 * 24 * 3_600_000);
    await world.bench.tick();
    await world.go();
    expect(await stateOf(world, id)).toMatchObject({ state: "waiting", attempt: 0 });
    expect((await world.run(tenant, id))?.proposal).toMatchObject({ state: "pending", tool: "send", body: { id: "1" } });
    expect(await world.decide(tenant, id, { state: "approved", by: "token-1" })).toBe(true);
    await world.go();
    expect(await stateOf(world, id)).toMatchObject({ state: "done", result: { output: { answer: "ready" } } });
    expect(acted).toMatchObject([{ tool: "send", input: { id: "1" } }]);
    expect((await world.run(tenant, id))?.proposal).toMatchObject({ state: "approved", decidedBy: "token-1", edited: false });
    expect(await world.decide(tenant, id, { state: "approved", by: "token-1" })).toBe(false);
  });

  test("is made as a person edited it", async () => {
    const world = bench(acting);
    const id = await world.start(tenant, payload);
    await world.decide(tenant, id, { state: "approved", body: { id: "7" }, by: "root" });
    await world.go();
    expect(acted).toMatchObject([{ tool: "send", input: { id: "7" } }]);
  });

  test("is not made when a person rejects it, and the run ends", async () => {
    const world = bench(acting);
    const id = await world.start(tenant, payload);
    await world.decide(tenant, id, { state: "rejected", reason: "no", by: "root" });
    await world.go();
    expect(await stateOf(world, id)).toMatchObject({ state: "done", result: { output: null, note: "a person rejected the proposal" } });
    expect(acted).toEqual([]);
  });

  test("is not made when nobody decides in time", async () => {
    const world = bench(acting, { agents: [worker("trusted", { approvalSeconds: 3600 })] });
    const id = await world.start(tenant, payload);
    world.bench.advance(3_601_000);
    expect(await world.decide(tenant, id, { state: "approved", by: "root" })).toBe(false);
    await world.bench.tick();
    await world.go();
    expect(await stateOf(world, id)).toMatchObject({ state: "done", result: { note: "no person decided on the proposal in time" } });
    expect((await world.run(tenant, id))?.proposal).toMatchObject({ state: "expired" });
  });

  test("is made although the decision came while its run was about to wait", async () => {
    const world = bench(acting);
    const id = await world.start(tenant, payload);
    // As if the run had not begun to wait when the person decided: nothing was woken.
    await env.DB.prepare("UPDATE agent_proposals SET state = 'approved', woken = 0, decided_at = 1 WHERE tenant = ?").bind(tenant).run();
    expect(await world.wakeDecided()).toBe(1);
    await world.go();
    expect((await stateOf(world, id)).state).toBe("done");
    expect(await world.wakeDecided()).toBe(0);
  });

  test.each([
    ["an id that no trusted data held", "send", { id: "9" }, "the arguments name an id that was not given as one"],
    ["a tool the agent does not have", "shell", { cmd: "rm" }, "there is no such tool"],
    ["arguments that do not fit", "send", { id: 1 }, "the arguments do not fit: id must be text"],
    ["arguments that are no JSON", "send", undefined, "the arguments are no JSON"],
  ])("is not called with %s", async (_what, tool, input, refused) => {
    const world = bench([calling(tool, input), final]);
    const id = await world.start(tenant, payload);
    expect((await world.run(tenant, id))?.steps.find(({ kind }) => kind === "tool")?.body).toMatchObject({ refused });
    expect(acted).toEqual([]);
    expect((await stateOf(world, id)).state).toBe("done");
  });

  test("may name an id that a row brought", async () => {
    const world = bench([calling("look", { id: "1" }), calling("send", { id: "2" }), final]);
    await world.start(tenant, payload);
    expect(acted.map(({ tool }) => tool)).toEqual(["look", "send"]);
  });
});

describe("a tool that fails", () => {
  const failing = (failure: Parameters<typeof failed>[0], writes: "none" | "outside") =>
    defineTool({ name: "risky", description: "Fails.", input: v.strictObject({}), reads: "trusted", writes, act: async () => failed(failure) });
  const agentWith = (tool: ReturnType<typeof failing>) => worker("trusted", { tools: [tool] });

  test("for a while is tried again", async () => {
    const world = bench([calling("risky", {}), final], { agents: [agentWith(failing({ class: "transient", reason: "503" }, "outside"))] });
    expect(await stateOf(world, await world.start(tenant, payload))).toMatchObject({ state: "retrying", reason: "503" });
    expect(world.models.asked).toHaveLength(1);
  });

  test("for good while it reads is told to the model", async () => {
    const world = bench([calling("risky", {}), final], { agents: [agentWith(failing({ class: "permanent", reason: "404" }, "none"))] });
    expect(await stateOf(world, await world.start(tenant, payload))).toMatchObject({ state: "done" });
  });

  test("for good while it acts, or perhaps did, ends the run for a person to look at", async () => {
    const world = bench([calling("risky", {}), final], { agents: [agentWith(failing({ class: "uncertain", reason: "no answer" }, "outside"))] });
    const id = await world.start(tenant, payload);
    world.bench.advance(3_600_000);
    await world.go();
    expect(await stateOf(world, id)).toMatchObject({ state: "discarded", reason: expect.stringMatching(/^risky: uncertain: "s1:0" was tried/) });
  });
});

test("the circuit of an agent opens after the configured failures, lets one run try, and closes when it does well", async () => {
  const down: Said = { class: "transient", reason: "models: 500", code: "500" };
  const gates = createGates(env.GATE as never, async (_tenant, gate) => (gate.startsWith("agent:") ? { breaker: { failures: 3, openSeconds: 60 } } : {}));
  let isDown = true;
  const world = bench([() => (isDown ? down : (final as Partial<Chatted>))], { gates });
  const ids: string[] = [];
  for (let each = 0; each < 3; each++) ids.push(await world.start(tenant, payload));
  expect(world.models.asked).toHaveLength(3);
  const held = await world.start(tenant, payload);
  expect(await stateOf(world, held)).toMatchObject({ state: "waiting", reason: expect.stringMatching(/^agent:worker: .*open/), attempt: 0 });
  expect(world.models.asked).toHaveLength(3);
  // The probe fails: closed to all others for twice as long.
  world.bench.advance(61_000);
  await world.go();
  expect(world.models.asked).toHaveLength(4);
  isDown = false;
  for (let minute = 0; minute < 30; minute++) {
    world.bench.advance(60_000);
    await world.bench.tick();
    await world.go();
  }
  expect(await Promise.all([...ids, held].map(async (id) => (await stateOf(world, id)).state))).toEqual(["done", "done", "done", "done"]);
  expect(await gates.status(tenant, "agent:worker", world.bench.now())).toMatchObject({ openUntil: null });
});

test("a stopped agent's runs wait before their next call, and go on when it is started", async () => {
  const world = bench([calling("look", { id: "1" }), final]);
  await world.deps.stop(tenant, "worker", "token-1");
  const id = await world.start(tenant, payload);
  expect(await stateOf(world, id)).toMatchObject({ state: "waiting", reason: expect.stringMatching(/^the agent is stopped since/), attempt: 0 });
  expect(world.models.asked).toEqual([]);
  await world.deps.start(tenant, "worker");
  await world.go();
  expect((await stateOf(world, id)).state).toBe("done");
});
