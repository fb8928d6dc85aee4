import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { defaultPolicy } from "../../src/queue/job";
import { again, discard, done, isOutcome, type Outcome, retry, wait } from "../../src/queue/outcome";
import { type ExecutionFacts, transitionOf } from "../../src/queue/run/transition";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const second = 1000;
const minute = 60 * second;

/** What stands in the ledger after one run that ended so, and what the queue holds for it: seconds until the copy, null for none. */
const table: [name: string, step: { do: string; [more: string]: unknown }, row: Record<string, unknown>, copy: number | null][] = [
  ["done", { do: "done" }, { state: "done", seq: 0, attempt: 0, runs: 1, result: null, reason: null }, null],
  ["done with a result", { do: "done", value: { a: 1 } }, { state: "done", result: '{"a":1}' }, null],
  ["done with null", { do: "done", value: null }, { state: "done", result: "null" }, null],
  ["discard", { do: "discard", reason: "no such shop" }, { state: "discarded", seq: 0, attempt: 1, reason: "no such shop" }, null],
  ["retry", { do: "retry", reason: "busy" }, { state: "retrying", seq: 1, attempt: 1, reason: "busy", due: 1, sent: 1, wake: 601 }, 1],
  ["retry after", { do: "retry", after: 120 }, { state: "retrying", seq: 1, attempt: 1, due: 126, sent: 126, wake: 726 }, 126],
  ["retry after a quarter of an hour", { do: "retry", after: 1000 }, { state: "retrying", seq: 1, due: 1050, sent: null, wake: 1050 }, null],
  ["retry after what is no number", { do: "retry", after: Number.NaN }, { state: "retrying", due: 1, wake: 601 }, 1],
  ["retry after days", { do: "retry", after: 1e9 }, { state: "retrying", due: 86_400, sent: null, wake: 86_400 }, null],
  ["wait", { do: "wait", ms: 30 * second }, { state: "waiting", seq: 1, attempt: 0, runs: 1, reason: "scripted wait", due: 30, sent: 30, wake: 630 }, 30],
  ["wait until the past", { do: "wait", ms: -minute }, { state: "waiting", due: 1, sent: 1 }, 1],
  ["wait longer than a minute", { do: "wait", ms: 61 * second }, { state: "waiting", seq: 1, due: 61, sent: null, wake: 61 }, null],
  ["wait until no time", { do: "wait", ms: Number.NaN }, { state: "waiting", due: 60, sent: 60 }, 60],
  ["wait for ever: until it is too old", { do: "wait", ms: Infinity }, { state: "waiting", due: 3 * 86_400 + 1, sent: null, wake: 3 * 86_400 + 1 }, null],
  ["wait shortly for a gate", { do: "wait", ms: 5 * second, gate: "mail" }, { state: "waiting", gate: null, due: 5 }, 5],
  ["wait long for a gate", { do: "wait", ms: 2 * minute, gate: "mail" }, { state: "waiting", seq: 1, gate: "mail", due: null, sent: null, wake: 0 }, null],
  ["park at a gate", { do: "wait", ms: 5 * second, gate: "mail", park: true }, { state: "waiting", seq: 1, gate: "mail", sent: null, wake: 0 }, null],
  ["again", { do: "again" }, { state: "queued", seq: 1, attempt: 0, runs: 1, cursor: '{"from":null,"run":0}', sent: 0, wake: 600 }, 0],
  ["throw", { do: "throw", reason: "no route to a@b.example" }, { state: "retrying", attempt: 1, reason: "no route to [e-mail]" }, 1],
  ["throw without a message", { do: "throw", reason: "" }, { state: "retrying", reason: "failed without a message" }, 1],
  ["no outcome", { do: "nothing" }, { state: "retrying", attempt: 1, reason: expect.stringContaining("without an outcome") }, 1],
  ["hang", { do: "hang" }, { state: "retrying", attempt: 1, reason: "timed out after 5 s" }, 1],
];

describe("how a run's end is settled", () => {
  test.each(table)("%s", async (_name, step, expected, copy) => {
    const bench = createEngineBench();
    const start = bench.now();
    // NaN and Infinity do not travel as JSON: such steps are put in by the run itself.
    const id = await bench.acceptOne({ payload: { script: [{ ...step, ms: undefined, after: undefined, ...finite(step) }] } });
    bench.endWith(id, step);
    const [answer] = await bench.deliver(bench.held.slice());
    expect(answer?.answer).toBe("ack");
    const row = await bench.row(id);
    const times = ["due", "sent", "wake"] as const;
    const relative = Object.fromEntries(times.map((name) => [name, row?.[name] === null || row === null ? null : ((row[name] ?? 0) - start) / second]));
    expect({ ...row, ...relative }).toMatchObject(expected);
    expect(bench.messagesOf(id).map(({ at }) => (at - start) / second)).toEqual(copy === null ? [] : [copy]);
    const { side } = await sideRows(bench);
    expect(side).toEqual(row?.gate ? ["parked"] : row?.wake === null ? [] : ["due"]);
  });

  test.each([
    ["retry", { do: "retry", reason: "busy" }, "busy"],
    ["throw", { do: "throw", reason: "bug" }, "bug"],
    ["nothing", { do: "nothing" }, "without an outcome"],
    ["hang", { do: "hang" }, "timed out"],
  ])("%s until the attempts are used up is a dead letter", async (_name, step, reason) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [step] } });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead", attempt: 3, runs: 3, reason: expect.stringContaining(reason), ended: bench.now(), wake: null });
    expect(await bench.all("SELECT id, state, attempt, reason FROM dead_letters")).toEqual([
      { id, state: "dead", attempt: 3, reason: expect.stringContaining(reason) },
    ]);
    expect((await bench.all<{ event: string }>("SELECT event FROM history ORDER BY at")).map(({ event }) => event)).toEqual(["retry", "retry", "dead"]);
  });

  test("a job that does well in the end leaves no reason and no side row", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "retry" }, { do: "wait" }, { do: "again" }, { do: "throw" }, { do: "done" }] } });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", reason: null, wake: null, due: null, sent: null, runs: 5 });
    expect((await sideRows(bench)).side).toEqual([]);
  });

  test("what follows done comes once it is recorded, once, and may fail", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "done" }] } });
    let seen = 0;
    bench.endWith(id, () =>
      done(undefined, {
        after: () => {
          seen++;
          expect(bench.events.some((each) => each.event === "settled" && each.id === id)).toBe(true);
          throw new Error("lost, and nobody minds");
        },
      }),
    );
    const copies = bench.held.slice();
    await bench.deliver(copies);
    await bench.deliver(copies);
    expect(seen).toBe(1);
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(bench.troubles()).toMatchObject([{ where: "after" }]);
  });

  test.each([
    ["done with what JSON cannot carry", () => done(10n), { state: "done", result: '{"cut":"the result is no JSON"}' }],
    ["done with a cycle", () => done(cycle()), { state: "done", result: '{"cut":"the result is no JSON"}' }],
    ["done with too much", () => done("x".repeat(70_000)), { state: "done", result: expect.stringContaining('"cut"') }],
    ["done with half a surrogate", () => done("\ud800"), { state: "done", result: String.raw`"\ud800"` }],
    ["again with a cycle", () => again(cycle()), { state: "discarded", reason: "the cursor is no JSON" }],
    ["again with too much", () => again("x".repeat(17_000)), { state: "discarded", reason: expect.stringContaining("17002 characters") }],
    ["an outcome without a factory of the engine", () => ({ kind: "done" }) as unknown as Outcome, { state: "retrying" }],
  ])("%s changes no other job", async (_name, outcome, expected) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "done" }] } });
    const mate = await bench.acceptOne({ payload: { script: [{ do: "done" }] } });
    bench.endWith(id, outcome);
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject(expected);
    expect(await bench.row(mate)).toMatchObject({ state: "done" });
  });

  test("runs are capped, whatever they say", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "again" }] } });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead", runs: 50, reason: "gave up after 50 runs" });
  });

  test("age is capped, with the last reason", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "wait", ms: 50_000 }] } });
    await bench.deliver(bench.held.slice());
    bench.advance(3 * 86_400 * second + 2000);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "dead", reason: expect.stringMatching(/^gave up 259202 s after .*last: scripted wait$/) });
  });

  test("a failure after progress is the first again", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({
      payload: { script: [{ do: "retry" }, { do: "retry" }, { do: "again" }, { do: "retry" }, { do: "retry" }, { do: "done" }] },
    });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 6 });
  });
});

describe("transitionOf", () => {
  const outcome = fc.oneof(
    fc.jsonValue().map((value) => done(value)),
    fc
      .record({ reason: fc.string(), after: fc.option(fc.double(), { nil: undefined }) })
      .map(({ reason, after }) => retry(reason, after === undefined ? {} : { after })),
    fc
      .record({ until: fc.double(), gate: fc.option(fc.string(), { nil: undefined }), park: fc.boolean() })
      .map(({ until, gate, park }) => wait("w", { until, park, ...(gate === undefined ? {} : { gate }) })),
    fc.jsonValue().map(again),
    fc.string().map(discard),
  );

  test("never leaves a job without a message or a wake-up, and gives nothing but whole numbers", () => {
    fc.assert(
      fc.property(
        outcome,
        fc.nat({ max: 20 }),
        fc.nat({ max: 120 }),
        fc.nat({ max: 10 * 86_400_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (drawn, attempt, runs, age, random) => {
          const { transition, copy } = transitionOf(runOf({ attempt, runs, age, random }), drawn);
          const ended = ["done", "dead", "discarded", "cancelled"].includes(transition.state);
          expect(transition.ended !== null).toBe(ended);
          for (const each of [transition.due, transition.sent, transition.wake, copy?.delaySeconds ?? null])
            expect(each === null || Number.isInteger(each)).toBe(true);
          if (ended) expect([copy, transition.wake, transition.gate]).toEqual([null, null, null]);
          else expect(transition.wake).not.toBeNull();
          expect(transition.sent !== null).toBe(copy !== null);
          expect(copy === null || (copy.delaySeconds >= 0 && copy.delaySeconds <= 900)).toBe(true);
          expect(transition.bump).toBe(ended ? 0 : 1);
          expect(isOutcome(drawn)).toBe(true);
        },
      ),
    );
  });
});

function runOf({ attempt, runs, age, random }: { attempt: number; runs: number; age: number; random: number }): ExecutionFacts {
  const now = Date.UTC(2026, 0, 20);
  const job = {
    tenant: "one",
    id: "x",
    seq: 0,
    attempt,
    max: 5,
    runs,
    at: now - age,
    born: now - age,
    pinned: null,
    revision: 0,
    reason: null,
    cursor: null,
    wake: null,
    gate: null,
  };
  return {
    job,
    type: "scripted",
    policy: { ...defaultPolicy, maxRuns: 100 },
    started: true,
    ms: 1,
    progress: undefined,
    doubt: 0,
    urgent: false,
    now,
    random: () => random,
  };
}

function finite(step: Record<string, unknown>) {
  return Object.fromEntries(Object.entries(step).filter(([, value]) => typeof value !== "number" || Number.isFinite(value)));
}

function cycle(): unknown {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}

async function sideRows(bench: ReturnType<typeof createEngineBench>) {
  const side = await bench.all<{ name: string }>("SELECT 'due' AS name FROM due UNION ALL SELECT 'parked' FROM parked");
  return { side: side.map(({ name }) => name) };
}
