import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { ok, outcomeOf } from "../../src/queue/effect";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { sender } from "../support/sender";
import { hurry } from "../support/time";

hurry();

beforeEach(emptyLedger);

const day = 86_400;

const second = 1000;

describe("a run that lost its job", () => {
  test("still records what it did, so that the next run finds it", async () => {
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
    const contract = defineJob({ type: "two-effects", queue: "events", payload: v.strictObject({}), policy: { timeout: 60 } });
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
    const contract = defineJob({ type: "late", queue: "events", payload: v.strictObject({}), policy: { timeout: 60 } });
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
