import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { dispositionOf } from "../../src/queue/disposition";
import type { Envelope } from "../../src/queue/envelope";
import { defineJob, job, type Policy, type RunContext } from "../../src/queue/job";
import { again, done, type Outcome } from "../../src/queue/outcome";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };
const second = 1000;
const minute = 60 * second;

describe("the table of what is done with a message", () => {
  const row = {
    tenant: "one",
    id: "x",
    queue: "events",
    state: "queued",
    ended: null,
    seq: 3,
    until: 0,
    due: null,
    crash: false,
    cancel: false,
    fp: null,
    wake: null,
    gate: null,
    sweeps: 0,
  } as const;
  const now = 1_000_000;

  test.each([
    ["done", { state: "done" }, 3, { do: "ack" }],
    ["cancelled", { state: "cancelled", cancel: true }, 3, { do: "ack" }],
    ["discarded", { state: "discarded" }, 3, { do: "ack" }],
    ["dead", { state: "dead" }, 3, { do: "ack" }],
    ["stale", {}, 2, { do: "ack" }],
    ["stale, while another runs", { state: "running", until: now + 9000 }, 2, { do: "ack" }],
    ["held", { state: "running", until: now + 9000 }, 3, { do: "redeliver", seconds: 11 }],
    ["held, with the end asked for", { state: "running", until: now + 9000, cancel: true }, 3, { do: "redeliver", seconds: 11 }],
    ["lease expired", { state: "running", until: now }, 3, { do: "alone" }],
    ["lease expired, with the end asked for", { state: "running", until: now, cancel: true }, 3, { do: "cancel" }],
    ["crashed before", { crash: true }, 3, { do: "alone" }],
    ["crashed before, not due", { crash: true, due: now + minute }, 3, { do: "redeliver", seconds: 60 }],
    ["not due", { due: now + 6000 }, 3, { do: "redeliver", seconds: 6 }],
    ["due in days", { due: now + 1e9 }, 3, { do: "redeliver", seconds: 86_400 }],
    ["asked to end", { cancel: true }, 3, { do: "cancel" }],
    ["free now, not a moment ago", {}, 3, { do: "redeliver", seconds: 1 }],
    ["another payload", { fp: "other" }, 3, { do: "bury" }],
    ["another payload, ended", { fp: "other", state: "done" }, 3, { do: "bury" }],
    ["another payload, stale", { fp: "other" }, 2, { do: "bury" }],
    ["the same payload, ended", { fp: "mine", state: "done" }, 3, { do: "ack" }],
  ] as const)("%s", (_name, more, seq, expected) => {
    expect(dispositionOf({ seq, fp: "mine" }, { ...row, ...more }, now, () => 0.5)).toEqual(expected);
  });
});

describe("what cannot be judged now is delivered again later", () => {
  test.each([
    ["an unknown type", { type: "of-tomorrow" }],
    ["a newer version of a payload", { version: 3 }],
    ["a newer envelope", { v: 2 }],
  ])("%s", async (_name, more) => {
    const bench = createEngineBench();
    const [message] = await messageFor(bench);
    const delays: unknown[] = [];
    if (!message) throw new Error("no message");
    Object.assign(message.body as object, more);
    for (let n = 0; n < 12; n++) delays.push((await bench.deliver([message]))[0]?.answer);
    expect(delays.slice(0, 4)).toEqual([{ retry: 1 }, { retry: 2 }, { retry: 3 }, { retry: 6 }]);
    expect(delays.at(-1)).toEqual({ retry: 675 });
    expect(bench.runs).toEqual([]);
  });

  test("the ledger away at the claim", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = (call) => call === "claim";
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 1 } }]);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("a batch of which the ledger knows one, and fails for the other", async () => {
    const bench = createEngineBench();
    const known = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = true;
    const unknown = await bench.acceptOne({ payload: fine });
    let claims = 0;
    bench.faults.ledger = (call) => call === "claim" && ++claims > 1;
    await bench.deliver(bench.held.slice());
    expect(await bench.row(known)).toMatchObject({ state: "done" });
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(unknown)).toMatchObject({ state: "done", runs: 1 });
  });
});

describe("old and foreign", () => {
  test("a payload of an older version is brought up to date; one that does not fit is a dead letter", async () => {
    const bench = createEngineBench();
    const [old, odd] = await messageFor(bench, 2);
    if (!old || !odd) throw new Error("no messages");
    Object.assign(old.body as object, { version: 1, payload: '{"answer":42}' });
    Object.assign(odd.body as object, { version: 1, payload: '"no object"' });
    await bench.deliverAll();
    expect(await bench.row(idIn(old))).toMatchObject({ state: "done", result: "42" });
    expect(await bench.row(idIn(odd))).toMatchObject({ state: "done" });
    const [bad] = await messageFor(bench);
    Object.assign(bad?.body as object, { version: 0, payload: '{"to":"anna@example.com"}' });
    await bench.deliverAll();
    const row = await bench.row(idIn(bad));
    expect(row).toMatchObject({ state: "discarded", reason: expect.stringContaining("does not fit version 2: script") });
    expect(row?.reason).not.toContain("anna");
  });

  test("an alias finds its job; the ledger writes the present name", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = false;
    Object.assign(bench.held[0]?.body as object, { type: "scripted-old" });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", type: "scripted" });
    expect((await bench.accept([{ type: "scripted-old", payload: fine }]))[0]).toMatchObject({ ok: true, type: "scripted" });
  });

  test("text that is no JSON is a dead letter", async () => {
    const bench = createEngineBench();
    const [message] = await messageFor(bench);
    Object.assign(message?.body as object, { payload: "{" });
    await bench.deliverAll();
    expect(await bench.row(idIn(message))).toMatchObject({ state: "discarded", reason: expect.stringContaining("cannot be read") });
  });

  test.each([["{"], ["null"], ['{"script":5}'], ['{"script":[{"do":"done"}],"entity":{}}']])(
    "a payload the ledger never heard of, as %s, stops nobody",
    async (payload) => {
      const bench = createEngineBench();
      bench.faults.ledger = true;
      const [odd, mate] = await messageFor(bench, 2);
      bench.faults.ledger = false;
      Object.assign(odd?.body as object, { payload });
      await bench.deliverAll();
      expect(await bench.row(idIn(mate))).toMatchObject({ state: "done", runs: 1 });
      expect(["done", "dead", "discarded"]).toContain((await bench.row(idIn(odd)))?.state);
    },
  );

  test.each([
    ["text", "hello", '"hello"'],
    ["an object of others", { order: 1 }, String.raw`"{\"order\":1}"`],
    [
      "an envelope without a tenant",
      { v: 1, id: "x", seq: 0, type: "scripted", version: 1, queue: "events", at: 1, payload: "{}" },
      expect.stringContaining("scripted"),
    ],
    ["nothing", null, '"null"'],
    ["what JSON cannot carry", { big: 1n }, '"[object Object]"'],
    ["half a surrogate", "\ud800", expect.any(String)],
  ])("%s is buried with its raw body, once", async (_name, body, payload) => {
    const bench = createEngineBench();
    const held: Held = { id: "m1", queue: "events", body, at: bench.now(), attempts: 0 };
    expect(await bench.deliver([held])).toMatchObject([{ answer: "ack" }]);
    bench.advance(minute);
    expect(await bench.deliver([held])).toMatchObject([{ answer: "ack" }]);
    expect(await bench.all("SELECT tenant, type, queue, state, reason, payload FROM jobs")).toEqual([
      { tenant: "system", type: "unknown", queue: "events", state: "discarded", reason: "the message is not an envelope", payload },
    ]);
    expect(await bench.all("SELECT tenant FROM dead_letters")).toHaveLength(1);
  });

  test("a foreign body while the ledger is away comes again", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    expect(await bench.deliver([{ id: "m1", queue: "events", body: "x", at: 0, attempts: 0 }])).toMatchObject([{ answer: { retry: 1 } }]);
  });
});

describe("copies", () => {
  test("ten of one job in a batch run once and are all acknowledged", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    const copies = Array.from({ length: 10 }, (_, n) => ({ ...(bench.held[0] as Held), id: `copy${n}` }));
    const answers = await bench.deliver(copies);
    expect(answers.every(({ answer }) => answer === "ack")).toBe(true);
    expect(bench.runs).toMatchObject([{ id }]);
  });

  test("ten deliveries at once run once; nine come back when the lease is over and find it done", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "gather" }, { do: "done" }] } });
    const [message] = bench.held.splice(0);
    if (!message) throw new Error("no message");
    const others = () => Promise.all(Array.from({ length: 9 }, (_, n) => bench.deliver([{ ...message, id: `copy${n}` }])));
    let during: Awaited<ReturnType<typeof others>> = [];
    bench.calls["gather"] = async () => void (during = await others());
    await bench.deliver([message]);
    expect(bench.runs).toMatchObject([{ id }]);
    expect(during.flat().map(({ answer }) => answer)).toEqual(Array.from({ length: 9 }, () => ({ retry: 35 + 60 + 2 })));
    await Promise.all(during.flat().map(({ held }) => bench.deliver([held])));
    expect(bench.runs).toHaveLength(1);
    const racing = await bench.acceptOne({ payload: fine });
    const [next] = bench.held.splice(0);
    await Promise.all(Array.from({ length: 10 }, (_, n) => bench.deliver([{ ...(next as Held), id: `race${n}` }])));
    expect(bench.runs.filter((run) => run.id === racing)).toHaveLength(1);
    expect(await bench.row(racing)).toMatchObject({ state: "done" });
  });

  test("a stale copy never runs, however often it comes", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "retry" }, { do: "again" }, { do: "wait" }, { do: "done" }] } });
    const stale = { ...(bench.held[0] as Held) };
    await bench.deliver(bench.held.slice());
    for (let n = 1; n <= 4; n++) {
      expect(await bench.deliver([{ ...stale }])).toMatchObject([{ answer: "ack" }]);
      expect(bench.runs).toHaveLength(n);
      bench.advance(minute);
      await bench.deliver(bench.held.slice());
    }
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 4 });
  });

  test("a message that comes before its time is sent back for the rest; five seconds early is early enough", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "wait", ms: 30 * second }, { do: "done" }] } });
    await bench.deliver(bench.held.slice());
    bench.advance(20 * second);
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 10 } }]);
    bench.advance(5 * second);
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: "ack" }]);
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

describe("the ledger away at the end of a run", () => {
  test("for a moment: recorded at the next try", async () => {
    const bench = createEngineBench();
    let failures = 2;
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = (call) => call === "settle" && failures-- > 0;
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: "ack" }]);
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("for long: it runs again alone when the lease is over, its effects do not", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "effect", key: "send" }, { do: "done" }] } });
    bench.faults.ledger = (call) => call === "settle";
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 65 } }]);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 2, attempt: 0 });
    expect([...bench.outside]).toEqual([[`${id}:send:0`, 1]]);
  });

  test("a copy that no queue takes is sent by the tick when it is due", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "retry", after: 300 }, { do: "done" }] } });
    bench.faults.send = true;
    await bench.deliver(bench.held.slice());
    bench.faults.send = false;
    expect(await bench.tick(minute)).toMatchObject({ released: 0 });
    expect(await bench.tick(5 * minute)).toMatchObject({ released: 1 });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("a copy that no queue takes, and no ledger notes, is swept", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "again" }, { do: "done" }] } });
    bench.faults.send = true;
    bench.faults.ledger = (call) => call === "unsent";
    await bench.deliver(bench.held.slice());
    Object.assign(bench.faults, { send: false, ledger: false });
    expect(await bench.tick(10 * minute)).toMatchObject({ swept: 1 });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

describe("time within a batch", () => {
  test("what could not be started is given back with nothing counted", async () => {
    const bench = createEngineBench({ jobs: [named("slow", { timeout: 100, concurrency: 1 }, async () => (bench.advance(90 * second), done()))] });
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push(await bench.acceptOne({ type: "slow", payload: {} }));
    const answers = await bench.deliver(bench.held.slice());
    const back = answers.filter(({ answer }) => answer !== "ack");
    // Twelve minutes, less what a run of a hundred seconds may need beyond the margin.
    expect(back.map(({ answer }) => answer)).toEqual(Array.from({ length: 4 }, () => ({ retry: 1 })));
    const rows = await bench.all("SELECT state, runs, attempt, crash, until FROM jobs WHERE state <> 'done'");
    expect(rows).toEqual(Array.from({ length: 4 }, () => ({ state: "queued", runs: 0, attempt: 0, crash: 0, until: 0 })));
    await bench.deliverAll();
    expect(await bench.all("SELECT DISTINCT state, runs FROM jobs")).toEqual([{ state: "done", runs: 1 }]);
  });

  test("no run can outlast the lease of its batch", async () => {
    const ends: number[] = [];
    const bench = createEngineBench({
      jobs: [named("longest", { timeout: 720, concurrency: 2 }, async () => (ends.push(bench.now() + 722 * second), bench.advance(29 * second), done()))],
    });
    const start = bench.now();
    for (let n = 0; n < 10; n++) await bench.acceptOne({ type: "longest", payload: {} });
    await bench.deliver(bench.held.slice());
    expect(Math.max(...ends)).toBeLessThan(start + 13 * minute);
    expect(ends.length).toBeGreaterThanOrEqual(2);
  });

  test("quick jobs are acknowledged while a slow mate runs", async () => {
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    const bench = createEngineBench({ jobs: [named("quick", {}, async () => done()), named("slow", {}, async () => (await held, done()))] });
    await bench.acceptOne({ type: "slow", payload: {} });
    const quick = await bench.acceptOne({ type: "quick", payload: {} });
    const batch = bench.deliver(bench.held.slice());
    await expect.poll(async () => (await bench.row(quick))?.state).toBe("done");
    expect(bench.events.filter((each) => each.event === "settled")).toHaveLength(1);
    go();
    expect((await batch).every(({ answer }) => answer === "ack")).toBe(true);
  });

  test("side by side up to the type's concurrency", async () => {
    let inside = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 50));
      inside--;
      return done();
    };
    const bench = createEngineBench({ jobs: [named("narrow", { concurrency: 3 }, run)] });
    for (let n = 0; n < 12; n++) await bench.acceptOne({ type: "narrow", payload: {} });
    await bench.deliver(bench.held.slice());
    expect(most).toBe(3);
  });

  test("a run is asked to yield after a minute, and before its batch ends", async () => {
    const asked: boolean[] = [];
    const bench = createEngineBench({
      jobs: [
        named("long", { timeout: 720 }, async (context) => {
          asked.push(context.shouldYield());
          bench.advance(60 * second);
          asked.push(context.shouldYield());
          return asked.length > 2 ? done() : again(1);
        }),
      ],
    });
    await bench.acceptOne({ type: "long", payload: {} });
    await bench.deliverAll();
    expect(asked).toEqual([false, true, false, true]);
  });
});

function idIn(message: Held | undefined): string {
  return (message?.body as Envelope | undefined)?.id ?? "";
}

async function messageFor(bench: EngineBench, count = 1): Promise<Held[]> {
  for (let n = 0; n < count; n++) await bench.acceptOne({ payload: fine });
  return bench.held.slice(-count);
}

function named(type: string, policy: Partial<Policy>, run: (context: RunContext) => Promise<Outcome>) {
  return job(defineJob({ type, queue: "events", payload: v.strictObject({}), policy }), (_payload, context) => run(context));
}
