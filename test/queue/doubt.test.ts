import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, expect, test } from "vitest";
import { resolveUncertainEffect } from "../../src/ledger/review";
import { ok, outcomeOf } from "../../src/queue/effect";
import { defineJob, job } from "../../src/queue/job";
import { retryNow } from "../../src/queue/operate";
import { done } from "../../src/queue/outcome";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { sender } from "../support/sender";

beforeEach(emptyLedger);

const day = 86_400;
const second = 1000;

const crashing = () =>
  sender(
    (_key, n) => {
      if (n === 1) throw new Error("the Worker died");
      return ok("sent");
    },
    { idempotentFor: day },
  );

test("the provider knew the key, and has forgotten it by the next run: a dead letter that says so, and no second try", async () => {
  const { bench, keys, send, effects } = crashing();
  const id = await send();
  await bench.deliver(bench.held.slice());
  await bench.tick(25 * 3600 * second);
  await bench.deliverAll();
  expect(keys).toHaveLength(1);
  expect(await bench.row(id)).toMatchObject({
    state: "discarded",
    reason: expect.stringMatching(/^uncertain: "send" was tried and may have happened/),
  });
  expect(await effects()).toEqual([{ key: "send", revision: 0, state: "uncertain", result: null }]);
  // The operator looked at the provider: nothing had arrived.
  expect(await resolveUncertainEffect(env.DB, { tenant: "one", id }, "send", "failed", bench.now())).toBe(true);
  await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "done" });
  expect(keys).toEqual([`${id}:send:0`, `${id}:send:1`]);
});

test.each([
  ["a copy of its message", (bench: EngineBench, copy: Held) => bench.deliver([copy])],
  ["the tick", async (bench: EngineBench) => (await bench.tick(), bench.deliverAll())],
])("so it is with a whole Worker that died, found by %s", async (_name, find) => {
  const found: unknown[] = [];
  const { bench, keys, send } = sender(
    async (_key, n) => {
      if (n > 1) return ok("again");
      bench.advance(25 * 3600 * second);
      await find(bench, { ...(copy as Held), id: "copy" });
      found.push(await bench.row(id));
      return ok("sent");
    },
    { idempotentFor: day },
  );
  const id = await send();
  const [copy] = bench.held;
  await bench.deliver(bench.held.slice());
  expect(keys).toHaveLength(1);
  expect(found).toMatchObject([{ state: "discarded", reason: expect.stringMatching(/^uncertain: "send" was tried and may/) }]);
});

test("an act that the run has not tried yet is done, and so is one whose intent was recorded first", async () => {
  const contract = defineJob({ type: "known", queue: "events", payload: v.strictObject({}) });
  const acts: string[] = [];
  const bench = createEngineBench({
    jobs: [
      job(contract, async (_payload, context) => {
        const act = (key: string) => async () => {
          acts.push(key);
          if (acts.length === 1) throw new Error("the Worker died");
          return ok(key);
        };
        await context.effect("noted", act("noted"), { idempotentFor: day, noteFirst: true });
        await context.effect("later", act("later"), { idempotentFor: day, noteFirst: true });
        await context.effect("new", act("new"), { idempotentFor: day, begun: context.now() });
        const doubted = await context.effect("doubted", act("doubted"), { idempotentFor: day });
        return doubted.ok ? done() : outcomeOf(doubted.failure, context.now());
      }),
    ],
  });
  const id = await bench.acceptOne({ type: "known", payload: {} });
  await bench.deliver(bench.held.slice());
  await bench.tick(25 * 3600 * second);
  await bench.deliverAll();
  expect(acts).toEqual(["noted", "later", "new"]);
  expect(await bench.row(id)).toMatchObject({ state: "discarded", reason: expect.stringContaining('"doubted" was tried') });
  const states = await bench.all("SELECT key, state FROM effects WHERE job = ? ORDER BY key", id);
  expect(states).toEqual([
    { key: "doubted", state: "uncertain" },
    { key: "later", state: "done" },
    { key: "new", state: "done" },
    { key: "noted", state: "uncertain" },
  ]);
});
