import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { resolveUncertainEffect } from "../../src/ledger/review";
import { type EffectOptions, failed, type Failure, ok } from "../../src/queue/effect";
import { type Policy } from "../../src/queue/job";
import { retryNow } from "../../src/queue/operate";
import { type Held } from "../support/engine";
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
  ["remembers the key", day],
  ["accepts no key", 0],
])("happens once though the ledger was away when it had happened, and the provider %s", async (_name, idempotentFor) => {
  // `hurry` shortens a timeout of less than 10 s to less than the four tries may take on a busy machine.
  const { bench, keys, send, effects } = sender(() => ok("first"), { idempotentFor, policy: { timeout: 60 } });
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

  test("the provider remembers the key: the same key again", async () => {
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
      reason: expect.stringMatching(/^uncertain: "send" was tried and may have happened; look/),
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

  test("uncertain without a provider's memory ends in the run in which it happened, with the provider's reason", async () => {
    const { bench, keys, send, effects } = sender(() => failure("uncertain", { retryAfter: 40 }));
    const id = await send();
    await bench.deliver(bench.held.slice());
    expect(keys).toHaveLength(1);
    expect(await bench.row(id)).toMatchObject({ state: "discarded", runs: 1, reason: "uncertain: scripted uncertain; look at the provider before replaying" });
    expect(await effects()).toMatchObject([{ state: "uncertain" }]);
  });

  test("a limit waits as long as the provider asks, and counts no attempt", async () => {
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

describe("dry run", () => {
  test("makes no call and records what it would do", async () => {
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
