import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { resolveUncertainEffect } from "../../src/ledger/review";
import { failed, ok } from "../../src/queue/effect";
import { defineJob, job } from "../../src/queue/job";
import { retryNow } from "../../src/queue/operate";
import { done, retry } from "../../src/queue/outcome";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { sender } from "../support/sender";
import { hurry } from "../support/time";

hurry();

beforeEach(emptyLedger);

const day = 86_400;

const second = 1000;

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
