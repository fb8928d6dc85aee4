import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { resolveUncertainEffect } from "../../src/ledger/review";
import { type EffectOptions, failed, type Failure, ok, outcomeOf } from "../../src/queue/effect";
import { defineJob, job, type Policy } from "../../src/queue/job";
import { retryNow } from "../../src/queue/operate";
import { done, retry } from "../../src/queue/outcome";
import { createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { sender } from "../support/sender";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const day = 86_400;
const second = 1000;

test("a try without an answer leaves a note for the next, and a refusal of doubtful content is in doubt", async () => {
  const replies: Failure[] = [
    { class: "uncertain", reason: "no answer", note: { holder: "first" } },
    { class: "uncertain", reason: "no answer" },
    { class: "permanent", reason: "another account", inDoubt: true },
  ];
  const { bench, earlier, send, effects } = sender((_key, n) => failed(replies[n - 1] ?? expect.fail("asked too often")), { idempotentFor: day });
  const id = await send();
  const at = bench.now();
  await bench.deliverAll();
  expect(earlier).toEqual([undefined, { at, note: { holder: "first" } }, { at, note: { holder: "first" } }]);
  expect(await effects()).toMatchObject([{ state: "uncertain" }]);
  expect(await bench.row(id)).toMatchObject({ state: "discarded" });
  expect(await resolveUncertainEffect(env.DB, { tenant: "one", id }, "send", "done", bench.now())).toBe(true);
  await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "done", result: "null" });
});

test("is recorded in the same run although the ledger is away for a moment", async () => {
  const { bench, keys, send, effects } = sender(() => ok({ mail: 1 }), { idempotentFor: day });
  await send();
  let refusals = 2;
  bench.faults.ledger = (call) => call === "recordEffect" && refusals-- > 0;
  await bench.deliverAll();
  expect(keys).toHaveLength(1);
  expect(refusals).toBeLessThan(1);
  expect(await effects()).toEqual([{ key: "send", revision: 0, state: "done", result: '{"mail":1}' }]);
});

test("happens once, whatever is delivered how often", async () => {
  const { bench, keys, send, effects } = sender(() => ok({ mail: 1 }));
  const id = await send();
  const copies = Array.from({ length: 5 }, (_, n) => ({ ...(bench.held[0] as Held), id: `c${n}` }));
  await Promise.all(copies.map((copy) => bench.deliver([copy])));
  await bench.deliver(copies);
  expect(keys).toEqual([`${id}:send:0`]);
  expect(await effects()).toEqual([{ key: "send", revision: 0, state: "done", result: '{"mail":1}' }]);
  expect(await bench.row(id)).toMatchObject({ state: "done", result: '{"mail":1}' });
});

test.each([[0], [day]])("its value is remembered for the next run of the job (idempotent for %i s)", async (idempotentFor) => {
  const { bench, keys, send } = sender(() => ok("first"), { idempotentFor });
  const id = await send();
  bench.faults.ledger = (call) => call === "settle";
  await bench.deliver(bench.held.slice());
  bench.faults.ledger = false;
  await bench.deliverAll();
  expect(keys).toHaveLength(1);
  expect(await bench.row(id)).toMatchObject({ state: "done", runs: 2, result: '"first"' });
});

test.each([
  ["knows the key", day],
  ["knows none", 0],
])("happens once though the ledger was away when it had happened, and the provider %s", async (_name, idempotentFor) => {
  const { bench, keys, send, effects } = sender(() => ok("first"), { idempotentFor });
  const id = await send();
  let refused = 0;
  // Four times in each of two runs.
  bench.faults.ledger = (call) => call === "recordEffect" && keys.length > 0 && refused++ < 8;
  await bench.deliverAll();
  expect([refused > 8, keys.length]).toEqual([true, 1]);
  expect(await bench.row(id)).toMatchObject({ state: "done", runs: 3, result: '"first"' });
  expect(await effects()).toEqual([{ key: "send", revision: 0, state: "done", result: '"first"' }]);
});

describe("the Worker dies between the effect and its record", () => {
  const crashing = (options: EffectOptions & { policy?: Partial<Policy> }) =>
    sender((_key, n) => {
      if (n === 1) throw new Error("the Worker died");
      return ok("sent");
    }, options);

  test("the provider knows the key: the same key again", async () => {
    const { bench, keys, send, effects } = crashing({ idempotentFor: day });
    const id = await send();
    await bench.deliverAll();
    expect(keys).toEqual([`${id}:send:0`, `${id}:send:0`]);
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(await effects()).toMatchObject([{ state: "done" }]);
  });

  test("it does not: a dead letter that says so, and no second try", async () => {
    const { bench, keys, send, effects } = crashing({});
    const id = await send();
    await bench.deliverAll();
    expect(keys).toHaveLength(1);
    expect(await bench.row(id)).toMatchObject({
      state: "discarded",
      reason: expect.stringMatching(/^uncertain: "send" was tried at 2026-11-21T12:00:00.000Z and may have happened/),
    });
    expect(await effects()).toEqual([{ key: "send", revision: 0, state: "uncertain", result: null }]);
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "replayed" });
    await bench.deliverAll();
    expect(keys).toHaveLength(1);
    expect(await bench.row(id)).toMatchObject({ state: "discarded" });
  });

  test("it does not, and the policy says try again", async () => {
    const { bench, keys, send } = crashing({ policy: { uncertain: "retry" } });
    const id = await send();
    await bench.deliverAll();
    expect(keys).toHaveLength(2);
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

describe("failures", () => {
  const failure = (kind: Failure["class"], more: Partial<Failure> = {}) => failed({ class: kind, reason: `scripted ${kind}`, ...more });

  test.each<[string, Failure["class"], number, string, number, string[]]>([
    ["transient, tried again", "transient", 0, "done", 2, ["done"]],
    ["transient, idempotent", "transient", day, "done", 2, ["done"]],
    ["limited", "limited", 0, "done", 2, ["done"]],
    ["permanent", "permanent", 0, "discarded", 1, ["failed"]],
    ["permanent, idempotent", "permanent", day, "discarded", 1, []],
    ["config", "config", 0, "discarded", 1, ["failed"]],
    ["uncertain, within the provider's memory", "uncertain", day, "done", 2, ["done"]],
    ["uncertain, without one", "uncertain", 0, "discarded", 1, ["uncertain"]],
  ])("%s", async (_name, kind, idempotentFor, state, calls, states) => {
    const { bench, keys, send, effects } = sender((_key, n) => (n === 1 ? failure(kind) : ok(1)), { idempotentFor });
    const id = await send();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state });
    expect(keys).toHaveLength(calls);
    expect((await effects()).map((each) => (each as { state: string }).state)).toEqual(states);
  });

  test("a limit waits as long as the provider asks, and burns nothing", async () => {
    const { bench, send } = sender(() => failure("limited", { retryAfter: 40 }));
    const start = bench.now();
    const id = await send();
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "waiting", attempt: 0, due: start + 40 * second });
  });

  test("uncertain beyond the provider's memory is not tried again", async () => {
    const { bench, keys, send, effects } = sender(() => failure("uncertain", { retryAfter: 4000 }), { idempotentFor: 3600 });
    const id = await send();
    await bench.deliver(bench.held.slice());
    await bench.tick(3 * 3600 * second);
    await bench.deliverAll();
    expect(keys).toHaveLength(1);
    expect(await bench.row(id)).toMatchObject({ state: "discarded", reason: expect.stringContaining("uncertain") });
    expect(await effects()).toMatchObject([{ state: "uncertain" }]);
  });
});

describe("replays", () => {
  test("an ended job that is replayed does not repeat what it did", async () => {
    const contract = defineJob({ type: "two-steps", queue: "events", payload: v.strictObject({}), policy: { maxAttempts: 1 } });
    let broken = true;
    const bench = createEngineBench({
      jobs: [
        job(contract, async (_payload, context) => {
          await context.effect("send", async (key) => (bench.outside.set(key, (bench.outside.get(key) ?? 0) + 1), ok(1)));
          return broken ? retry("the second step is broken") : done();
        }),
      ],
    });
    const id = await bench.acceptOne({ type: "two-steps", payload: {} });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead" });
    broken = false;
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "replayed" });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect([...bench.outside]).toEqual([[`${id}:send:0`, 1]]);
  });

  test("after a known failure the next run is another thing: newest content, and a key of its own", async () => {
    const { bench, keys, send, pins } = sender((_key, n) => (n < 3 ? failed({ class: "transient", reason: "503" }) : ok(1)), { idempotentFor: day });
    const start = bench.now();
    const id = await send();
    await bench.deliver(bench.held.slice());
    bench.advance(60 * second);
    await bench.deliver(bench.held.slice());
    bench.advance(60 * second);
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
    const retried = bench.now();
    bench.advance(5 * second);
    await bench.deliverAll();
    expect(keys).toEqual([`${id}:send:0`, `${id}:send:0`, `${id}:send:1`]);
    expect(pins).toEqual([start, start, retried]);
    expect(await bench.row(id)).toMatchObject({ state: "done", revision: 1 });
  });

  test("while an answer is not known, content and key stay", async () => {
    const { bench, keys, send, pins } = sender((_key, n) => failed({ class: n === 1 ? "uncertain" : "permanent", reason: "no" }), { idempotentFor: day });
    const id = await send();
    await bench.deliverAll();
    bench.advance(second);
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
    await bench.deliverAll();
    expect(new Set(keys)).toEqual(new Set([`${id}:send:0`]));
    expect(new Set(pins).size).toBe(1);
    expect(await resolveUncertainEffect(env.DB, { tenant: "one", id }, "send", "failed", bench.now())).toBe(true);
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
    await bench.deliverAll();
    expect(keys.at(-1)).toBe(`${id}:send:1`);
    expect(pins.at(-1)).toBe(bench.now());
  });

  test("a call that was cut off by the time-out, or by the Worker's death, is such an answer, until an operator looked", async () => {
    const endings: [string, (key: string, n: number) => Promise<never>][] = [
      ["time-out", () => new Promise(() => undefined)],
      ["thrown", () => Promise.reject(new Error("no answer"))],
    ];
    for (const [name, act] of endings) {
      const { bench, keys, send } = sender(act as never, { idempotentFor: day, policy: { timeout: 1, maxAttempts: 1 } });
      const id = await send();
      await bench.deliverAll();
      expect(await bench.row(id), name).toMatchObject({ state: "dead", doubt: expect.toSatisfy((since: number) => since > 1e12) });
      await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
      await bench.deliverAll();
      expect(keys, name).toEqual([`${id}:send:0`, `${id}:send:0`]);
      expect(await resolveUncertainEffect(env.DB, { tenant: "one", id }, "send", "failed", bench.now())).toBe(true);
      await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
      await bench.deliverAll();
      expect(keys[2], name).toBe(`${id}:send:1`);
    }
  });

  test("with another payload it is another thing: a new revision", async () => {
    const { bench, keys, send, effects } = sender((_key, n) => (n === 1 ? failed({ class: "permanent", reason: "no" }) : ok(2)), { idempotentFor: day });
    const id = await send();
    await bench.deliverAll();
    await retryNow(bench.engine, [{ tenant: "one", id, patched: { payload: "{}", version: 1 } }], { event: "replayed" });
    await bench.deliverAll();
    expect(keys).toEqual([`${id}:send:0`, `${id}:send:1`]);
    expect(await effects()).toEqual([{ key: "send", revision: 1, state: "done", result: "2" }]);
    expect(await bench.row(id)).toMatchObject({ state: "done", revision: 1 });
  });
});

describe("dry run", () => {
  test("calls nobody and records what it would do", async () => {
    const { bench, keys, send, effects } = sender(() => ok("real"), { wouldDo: "pretended" });
    const id = await send({ dryRun: true });
    await bench.deliverAll();
    expect(keys).toEqual([]);
    expect(await effects()).toEqual([{ key: "send", revision: 0, state: "would-do", result: '"pretended"' }]);
    expect(await bench.row(id)).toMatchObject({ state: "done", result: '"pretended"', dry: 1 });
  });

  test("stays one through a retry and a replay", async () => {
    const { bench, keys, send } = sender(() => ok("real"));
    const id = await send({ dryRun: true });
    bench.held.splice(0);
    await bench.tick(11 * 60 * second);
    await bench.deliverAll();
    expect(keys).toEqual([]);
    expect(await bench.row(id)).toMatchObject({ state: "done", dry: 1 });
  });
});

describe("a run that lost its job", () => {
  test("still records what it did, so that the next run knows", async () => {
    const { bench, keys, send, effects } = sender(async (_key, n) => {
      if (n > 1) return ok("second");
      // Another run takes the job over while the provider works; it finds an open intent and does not repeat it.
      bench.advance(20 * 60 * second);
      await bench.deliver([{ ...message, id: "takeover" }]);
      return ok("first");
    });
    await send();
    const message = { ...(bench.held[0] as Held) };
    await bench.deliver(bench.held.slice());
    expect(keys).toHaveLength(1);
    expect(await effects()).toEqual([{ key: "send", revision: 0, state: "done", result: '"first"' }]);
  });

  test("starts no further effect without idempotency", async () => {
    const contract = defineJob({ type: "two-effects", queue: "events", payload: v.strictObject({}), policy: { timeout: 5 } });
    const acts: string[] = [];
    let first = true;
    const bench = createEngineBench({
      jobs: [
        job(contract, async (_payload, context) => {
          const mine = first;
          if (mine) {
            first = false;
            bench.advance(20 * 60 * second);
            await bench.deliver([{ ...message, id: "takeover" }]);
          }
          await context.effect("send", async () => (acts.push(mine ? "old run" : "new run"), ok(1)));
          return done(mine ? "old" : "new");
        }),
      ],
    });
    const id = await bench.acceptOne({ type: "two-effects", payload: {} });
    const message = { ...(bench.held[0] as Held) };
    await bench.deliver(bench.held.slice());
    expect(acts).toEqual(["new run"]);
    expect(await bench.row(id)).toMatchObject({ state: "done", result: '"new"' });
  });

  test("finds done what the run before it did in the meantime", async () => {
    const contract = defineJob({ type: "late", queue: "events", payload: v.strictObject({}), policy: { timeout: 5 } });
    const acts: string[] = [];
    let release = () => {};
    const provider = new Promise<void>((resolve) => (release = resolve));
    let runs = 0;
    const bench = createEngineBench({
      jobs: [
        job(contract, async (_payload, context) => {
          if (++runs === 2) {
            // Its effects are loaded; now the first run gets through.
            release();
            await first;
          }
          const reply = await context.effect(
            "send",
            async () => (acts.push(`run ${runs}`), await provider, ok("sent")),
            runs === 2 ? {} : { idempotentFor: day },
          );
          return reply.ok ? done(reply.value) : outcomeOf(reply.failure, context.now());
        }),
      ],
    });
    const id = await bench.acceptOne({ type: "late", payload: {} });
    const message = { ...(bench.held[0] as Held) };
    const first = bench.deliver(bench.held.slice());
    await expect.poll(() => acts.length).toBe(1);
    bench.advance(20 * 60 * second);
    await bench.deliver([{ ...message, id: "takeover" }]);
    expect(acts).toEqual(["run 1"]);
    expect(await bench.row(id)).toMatchObject({ state: "done", result: '"sent"' });
  });
});

describe("a run over its time", () => {
  test("is given up after the grace; from then on its context refuses", async () => {
    const contract = defineJob({ type: "deaf", queue: "events", payload: v.strictObject({}), policy: { timeout: 5, maxAttempts: 1 } });
    let over = () => {};
    const after = new Promise<void>((resolve) => (over = resolve));
    const refused: string[] = [];
    let signalled = false;
    const bench = createEngineBench({
      jobs: [
        job(contract, async (_payload, context) => {
          context.signal.addEventListener("abort", () => (signalled = true));
          await after;
          for (const attempt of [
            () => context.effect("send", async () => (refused.push("it was sent"), ok(1))),
            () => context.progress(1),
            () => context.checkpoint(1),
            async () => context.enqueue(contract, {}, { key: "a" }),
            async () => context.cancel(contract, "a"),
          ]) {
            await attempt().catch((thrown: Error) => refused.push(thrown.message));
          }
          return done();
        }),
      ],
    });
    const id = await bench.acceptOne({ type: "deaf", payload: {} });
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: "ack" }]);
    expect(signalled).toBe(true);
    expect(await bench.row(id)).toMatchObject({ state: "dead", reason: "timed out after 5 s" });
    over();
    await expect.poll(() => refused.length).toBe(5);
    expect(refused).toEqual(Array.from({ length: 5 }, () => "the run was ended: timeout"));
    expect(await bench.row(id)).toMatchObject({ state: "dead", progress: null, cursor: null });
  });

  test("that heeds its signal and is done after all is done", async () => {
    const contract = defineJob({ type: "heeds", queue: "events", payload: v.strictObject({}), policy: { timeout: 5, maxAttempts: 1 } });
    const bench = createEngineBench({
      jobs: [job(contract, (_payload, context) => new Promise((resolve) => context.signal.addEventListener("abort", () => resolve(done("just in time")))))],
    });
    const id = await bench.acceptOne({ type: "heeds", payload: {} });
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "done", result: '"just in time"' });
  });
});
