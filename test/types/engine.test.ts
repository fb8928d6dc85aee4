import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import type { Reply } from "../../src/queue/effect";
import {
  type BatchItem,
  type Capabilities,
  type Contract,
  defineJob,
  type InputOf,
  job,
  type NeedsOf,
  type PayloadOf,
  type Run,
  type RunBatch,
  type RunContext,
} from "../../src/queue/job";
import type { Mail, SentMessage } from "../../src/providers/mail/mail";
import { again, discard, done, type Outcome, retry, wait } from "../../src/queue/outcome";

const letter = defineJob({
  type: "letter",
  queue: "events",
  payload: v.strictObject({ to: v.string(), copies: v.optional(v.number(), 1), when: v.optional(v.pipe(v.string(), v.toNumber())) }),
  needs: ["mail"],
  gates: (payload) => [payload.to],
  entities: (payload) => [payload.to],
});

const point = defineJob({
  type: "point",
  queue: { queues: ["a", "b"], route: ({ n }) => (n > 1 ? "a" : "b") },
  payload: v.strictObject({ n: v.number() }),
  batch: true,
  needs: ["mail"],
});
const plain = defineJob({ type: "plain", queue: "events", payload: v.strictObject({}) });

test("a contract's type has its name, its payload in and out, its needs", () => {
  expectTypeOf(letter.type).toEqualTypeOf<"letter">();
  expectTypeOf<InputOf<typeof letter>>().toEqualTypeOf<{ to: string; copies?: number | undefined; when?: string | undefined }>();
  expectTypeOf<PayloadOf<typeof letter>>().toEqualTypeOf<{ to: string; copies: number; when?: number | undefined }>();
  expectTypeOf<NeedsOf<typeof letter>>().toEqualTypeOf<"mail">();
  expectTypeOf<NeedsOf<typeof plain>>().toEqualTypeOf<never>();
  expectTypeOf(letter).toExtend<Contract>();
  expect([letter.type, point.route({ n: 2 }), point.queues]).toEqual(["letter", "a", ["a", "b"]]);
});

test("a run is handed its payload and what it needs, without an annotation", () => {
  const made = job(letter, async (payload, context) => {
    expectTypeOf(payload).toEqualTypeOf<{ to: string; copies: number; when?: number | undefined }>();
    expectTypeOf(context.mail).toEqualTypeOf<Mail>();
    // @ts-expect-error it did not ask for templates
    void context.templates;
    const reply = await context.effect("send", (idempotencyKey) =>
      context.mail.send({ from: "a@b.example", to: [payload.to], subject: "" }, { idempotencyKey, signal: context.signal }),
    );
    expectTypeOf(reply).toEqualTypeOf<Reply<SentMessage | null>>();
    return reply.ok ? done(reply.value) : discard(reply.failure.reason);
  });
  job(plain, async (payload, context) => {
    expectTypeOf(payload).toEqualTypeOf<{}>();
    // @ts-expect-error it did not ask for mail
    void context.mail;
    return done();
  });
  expectTypeOf<Parameters<Run<typeof plain>>[1]>().toExtend<RunContext>();
  expect(made.contract).toBe(letter);
});

test("a run returns an outcome, and only the five functions make one", () => {
  expectTypeOf(done()).toExtend<Outcome>();
  expectTypeOf(retry("x")).toExtend<Outcome>();
  expectTypeOf(wait("x", { until: 1 })).toExtend<Outcome>();
  expectTypeOf(again(1)).toExtend<Outcome>();
  expectTypeOf(discard("x")).toExtend<Outcome>();
  // @ts-expect-error an object of the same shape is none
  job(plain, async () => ({ kind: "done", result: 1, after: undefined }));
  // @ts-expect-error nothing is none
  job(plain, async () => {});
  // @ts-expect-error a wait has an end
  expectTypeOf(() => wait("x")).toBeFunction();
  // @ts-expect-error a discard has a reason
  expectTypeOf(() => discard()).toBeFunction();
});

test("a child's payload is checked where it is enqueued", () => {
  const use = async (context: RunContext) => {
    expectTypeOf(await context.enqueue(letter, { to: "anna" }, { key: "a" })).toEqualTypeOf<string>();
    // @ts-expect-error a field is missing
    await context.enqueue(letter, {}, { key: "a" });
    // @ts-expect-error of another type
    await context.enqueue(letter, { to: 5 }, { key: "a" });
    // @ts-expect-error no such field
    await context.enqueue(letter, { to: "anna", from: "bob" }, { key: "a" });
    // @ts-expect-error another job's payload
    await context.enqueue(point, { to: "anna" }, { key: "a" });
    // @ts-expect-error a child has a key
    await context.enqueue(letter, { to: "anna" }, {});
    await context.cancel(letter, "a");
  };
  expect(use).toBeTypeOf("function");
});

test("a batch handler is handed all of its items, and answers with a list", () => {
  job(point, async (items, capabilities, signal) => {
    expectTypeOf(items).toEqualTypeOf<readonly BatchItem<typeof point>[]>();
    expectTypeOf(items.map(({ payload }) => payload.n)).toEqualTypeOf<number[]>();
    expectTypeOf(capabilities).toEqualTypeOf<Pick<Capabilities, "mail">>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    return items.map(() => done());
  });
  // @ts-expect-error a batch handler gives a list
  job(point, async () => done());
  // @ts-expect-error a single run gives one outcome
  job(letter, async () => [done()]);
  expectTypeOf<RunBatch<typeof point>>().not.toEqualTypeOf<Run<typeof point>>();
  expect(point.batch).toBe(true);
});

test("a contract is checked where it is written", () => {
  const wrong = () => {
    // @ts-expect-error there is no such capability
    defineJob({ type: "x", queue: "events", payload: v.strictObject({}), needs: ["crystal-ball"] });
    // @ts-expect-error the payload has no such field
    defineJob({ type: "x", queue: "events", payload: v.strictObject({ a: v.string() }), entities: (payload) => [payload.b] });
    // @ts-expect-error no such policy
    defineJob({ type: "x", queue: "events", payload: v.strictObject({}), policy: { attempts: 3 } });
    // @ts-expect-error a job has a queue
    defineJob({ type: "x", payload: v.strictObject({}) });
  };
  expect(wrong).toBeTypeOf("function");
});
