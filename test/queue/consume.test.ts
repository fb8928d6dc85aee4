import { beforeEach, describe, expect, test } from "vitest";
import { dispositionOf } from "../../src/queue/disposition";
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
    ["its cancel flag is set", { cancel: true }, 3, { do: "cancel" }],
    ["claimable since the claim", {}, 3, { do: "redeliver", seconds: 1 }],
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

  test("a batch of which the ledger has one, and fails for the other", async () => {
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

async function messageFor(bench: EngineBench, count = 1): Promise<Held[]> {
  for (let n = 0; n < count; n++) await bench.acceptOne({ payload: fine });
  return bench.held.slice(-count);
}
